// What every node has in place of the files that are rendered from entries, by its own report.
import { COMMANDS } from "../commands.js";
import { ROLLOUT_KEYS, placed } from "../config/rollouts.js";
import { entryPath } from "../config/places.js";
import { plain } from "../kv/bytes.js";
import { nodePath, parameter, setParameters } from "../router.js";
import { member } from "../store.js";
import { At } from "../parts/ages.js";
import { Card, Empty, FilterBox } from "../parts/cards.js";
import { useFollowed } from "../parts/followed.js";
import { StateGlyph } from "../parts/glyphs.js";
import { html, useMemo, useState } from "../parts/html.js";
import { Refusal } from "../parts/refusal.js";
import { Cell, Table } from "../parts/table.js";
import { WatchLine } from "./watchline.js";

const HEADS = ["Node", "File", "State", "Entry", "#Wanted", "#In place", "Since"];
const SHOWN = 300;

/** What a report means: what is in place is wanted, or why not. */
function stateOf(file) {
  if (file.problem) return { tone: "down", word: "failed", rank: 0 };
  if (file.probe) return { tone: "suspect", word: "not good yet", rank: 1 };
  if (file.wanted !== file.placed) return { tone: "moving", word: "on its way", rank: 2 };
  return { tone: "alive", word: "in place", rank: 3 };
}

/** One row for each file of each node, what is not well first. */
function rowsOf(nodes) {
  const rows = nodes.flatMap(({ node, files }) => files.map((file) => ({ node, ...file, state: stateOf(file), id: `${node} ${file.template}` })));
  return rows.sort((a, b) => a.state.rank - b.state.rank);
}

function Row({ row }) {
  const { tone, word } = row.state;
  const away = member(row.node)?.state !== "alive";
  return html`<tr class=${tone === "down" ? "row-down" : ""} data-report=${row.id}>
    <th scope="row"><a href=${nodePath(row.node)}>${row.node}</a>${away && html` <span class="faint">not alive</span>`}</th>
    <${Cell} name="File">${row.template}<//>
    <${Cell} name="State"><span class=${`badge state-${tone}`}><${StateGlyph} state=${tone} />${word}</span>
      ${(row.problem || row.probe) && html`<span class="problem">${plain(row.problem || row.probe)}</span>`}<//>
    <${Cell} name="Entry">${row.entry && html`<a href=${entryPath(row.entry)}>${row.entry}</a>`}<//>
    <${Cell} name="Wanted" numeric>${row.wanted || null}<//><${Cell} name="In place" numeric>${row.placed || null}<//>
    <${Cell} name="Since">${row.since_ms > 0 && html`<${At} wallMs=${row.since_ms} />`}<//></tr>`;
}

/** The card. */
export function NodeFiles() {
  const { page, refused } = useFollowed({ name: "node files", group: "node files", ...ROLLOUT_KEYS, load: placed });
  const [whole, setWhole] = useState(false);
  const filter = parameter("q");
  const rows = useMemo(() => rowsOf(page?.nodes ?? []), [page]);
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  const found = rows.filter((row) => words.every((word) => `${row.node} ${row.template} ${row.entry} ${row.state.word} ${row.problem} ${row.probe}`.toLowerCase().includes(word)));
  return html`<${Card} id="node-files" title="On every node" kind="flush">
    ${rows.length > 0 && html`<${FilterBox} label="Filter files" hint="Filter: node, file, entry, failed" value=${filter} shown=${found.length} all=${rows.length} onInput=${(q) => setParameters({ q })} />`}
    <${WatchLine} command=${COMMANDS.placed} revision=${page?.revision} />
    ${refused && html`<div class="in-card"><${Refusal} title=${page ? "Not read anew" : "Not read"} error=${refused} /></div>`}
    ${!page && !refused && html`<p class="loading in-card" role="status">Asking the agent …</p>`}
    ${page && (rows.length
      ? html`<${Table} label="Files on every node" heads=${HEADS}>${(whole ? found : found.slice(0, SHOWN)).map((row) => html`<${Row} key=${row.id} row=${row} />`)}<//>`
      : html`<${Empty} title="No node renders a file from an entry">A section <code>[template NAME]</code> in a node’s <code>cluster.conf</code>, with <code>entry</code>, says what to render.<//>`)}
    ${!whole && found.length > SHOWN && html`<p class="cut"><button type="button" class="button" onClick=${() => setWhole(true)}>Show all ${found.length}</button></p>`}<//>`;
}
