// The table of nodes. On a phone each row becomes a card; a row is drawn again only when its node's facts change.
import { nodeFilter } from "../filter.js";
import { nodePath, parameter, setParameters } from "../router.js";
import { members } from "../store.js";
import { RoundTrip, Seen, Since } from "./ages.js";
import { Empty, FilterBox, Tags } from "./cards.js";
import { Role, StateBadge } from "./glyphs.js";
import { html, useMemo } from "./html.js";
import { zoneOf } from "./ring-layout.js";
import { Cell } from "./table.js";

const RANK = { down: 0, suspect: 1, unknown: 2, left: 3, alive: 4 };
const ROLE = { leader: 0, follower: 1, unknown: 2 };
const far = (value) => (value === null ? Infinity : value);
const ORDERS = {
  name: () => 0,
  state: (a, b) => (RANK[a.state] ?? 2) - (RANK[b.state] ?? 2),
  role: (a, b) => (ROLE[a.role] ?? 2) - (ROLE[b.role] ?? 2) || Number(b.voter) - Number(a.voter),
  seen: (a, b) => (b.seen.value ?? -Infinity) - (a.seen.value ?? -Infinity) || 0,
  rtt: (a, b) => far(a.rtt.value) - far(b.rtt.value) || 0,
  zone: (a, b) => `${a.region}/${a.zone}`.localeCompare(`${b.region}/${b.zone}`),
};

/** Nodes in the order that the address asks for: `sort=state`, or `sort=-state` for the other way round. */
function sorted(nodes, sort) {
  const down = sort.startsWith("-");
  const compare = ORDERS[down ? sort.slice(1) : sort];
  if (!compare || (sort === "name" && !down)) return nodes;
  const ordered = [...nodes].sort(compare);
  return down ? ordered.reverse() : ordered;
}

function Header({ id, children, numeric }) {
  const sort = parameter("sort") || "name";
  const direction = sort === id ? "ascending" : sort === `-${id}` ? "descending" : "none";
  const next = direction === "ascending" ? `-${id}` : id;
  return html`<th scope="col" aria-sort=${direction} class=${numeric ? "numeric" : ""}>
    <button type="button" class="sort" onClick=${() => setParameters({ sort: next === "name" ? "" : next })}>
      ${children}<span class="sort-mark" aria-hidden="true">${{ ascending: "▲", descending: "▼", none: "" }[direction]}</span>
    </button>
  </th>`;
}

function Row({ node }) {
  return useMemo(() => html`<tr class=${`row-${node.state}`}>
    <th scope="row" class="cell-node">
      <a href=${nodePath(node.name)}>${node.name}</a>
      ${node.local && html` <span class="mark">this node</span>`}
      <span class="address">${node.address}</span>
    </th>
    <${Cell} name="State"><span class="two"><${StateBadge} state=${node.state} />
      ${node.state_since_us > 0 && html`<span class="faint second">for <${Since} us=${node.state_since_us} /></span>`}</span><//>
    <${Cell} name="Role"><span class="two"><${Role} role=${node.role} />
      ${node.voter && html`<span class="faint second">voter</span>`}</span><//>
    <${Cell} name="Last seen" numeric><${Seen} member=${node} /><//>
    <${Cell} name="RTT" numeric><${RoundTrip} member=${node} /><//>
    <${Cell} name="Zone">${zoneOf(node)}<//>
    <${Cell} name="Version">${node.version}<//>
    <${Cell} name="Tags">${Object.keys(node.tags).length > 0 && html`<${Tags} tags=${node.tags} />`}<//>
  </tr>`, [node]);
}

/** The table alone. */
function NodesTable({ nodes, label }) {
  return html`<table class="nodes" aria-label=${label}>
    <thead><tr>
      <${Header} id="name">Node<//><${Header} id="state">State<//><${Header} id="role">Role<//>
      <${Header} id="seen" numeric>Last seen<//><${Header} id="rtt" numeric>RTT<//>
      <${Header} id="zone">Zone<//><th scope="col">Version</th><th scope="col">Tags</th>
    </tr></thead>
    <tbody>${nodes.map((node) => html`<${Row} key=${node.name} node=${node} />`)}</tbody>
  </table>`;
}

function NoNodes({ any }) {
  if (any) return html`<${Empty} title="No node fits this filter">Esc in the filter clears it.<//>`;
  return html`<${Empty} title="No nodes yet">Nodes appear here as soon as this one hears of them.<//>`;
}

/** The table with its filter, both as the address says. `among` narrows the nodes where there is no filter. */
export function FilteredNodes({ among }) {
  const filter = parameter("q");
  const all = members.value;
  const found = filter ? all.filter(nodeFilter(filter)) : (among ?? all);
  const nodes = sorted(found, parameter("sort") || "name");
  return html`
    <${FilterBox} label="Filter nodes" hint="Filter: name, state:down, zone:b, rack=r1 …" value=${filter} shown=${found.length} all=${all.length}
      onInput=${(q) => setParameters({ q })} />
    ${nodes.length
      ? html`<${NodesTable} nodes=${nodes} label="Nodes" />`
      : html`<${NoNodes} any=${all.length > 0} />`}`;
}
