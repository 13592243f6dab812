// The entries of the configuration: a list or a tree, filtered, each with its version and who wrote it when and why.
import { CONFIG } from "../commands.js";
import { crumbs, leaf, nameOf } from "../config/names.js";
import { CLOSED, pathOf, rolloutPath } from "../config/places.js";
import { entryFilter } from "../filter.js";
import { plain, size } from "../kv/bytes.js";
import { navigate, setParameters } from "../router.js";
import { At } from "../parts/ages.js";
import { Card, Empty, FilterBox } from "../parts/cards.js";
import { Icon } from "../parts/glyphs.js";
import { html, useMemo, useState } from "../parts/html.js";
import { Refusal } from "../parts/refusal.js";
import { Cell, Table } from "../parts/table.js";
import { WatchLine } from "./watchline.js";

const SHOWN = 200;
const FRESH_MS = 4_000;
const HEADS = ["Entry", "#Version", "Changed", "By", "Reason", "#Size"];
const number = new Intl.NumberFormat("en");

/** What lies directly in the folder: entries, and folders `{folder, count}`. */
function level(entries, prefix) {
  const rows = [];
  for (const entry of entries) {
    const slash = nameOf(entry.name).path.indexOf("/", prefix.length);
    const folder = slash < 0 ? "" : entry.name.slice(0, slash + 1);
    if (!folder) rows.push(entry);
    else if (rows.at(-1)?.folder === folder) rows.at(-1).count += 1;
    else rows.push({ folder, count: 1, name: folder });
  }
  return rows;
}

/** A name in which the part that is not the point stands back: the path of an override. */
function Named({ text, short }) {
  const name = nameOf(short ? leaf(text) : text);
  if (!name.scope && !name.schema) return html`${name.text}`;
  return html`<span class="faint">${name.path}</span>${name.text.slice(name.path.length)}`;
}

function Folder({ place, row }) {
  return html`<tr class="folder"><th scope="row"><a class="key-name" href=${pathOf(place, { ...CLOSED, prefix: row.folder })}>
      <${Icon} name="folder" />${row.folder.slice(place.prefix.length)}</a></th>
    <td class="numeric faint" colspan="5" data-label="Entries">${number.format(row.count)} ${row.count === 1 ? "entry" : "entries"}</td></tr>`;
}

function Row({ place, row, short, fresh }) {
  const open = place.name === row.name;
  return html`<tr class=${`${open ? "open" : ""} ${fresh ? "fresh" : ""}`} data-entry=${row.name}>
    <th scope="row"><a class="key-name" aria-current=${open ? "true" : undefined} href=${pathOf(place, { ...CLOSED, name: row.name })}>
      <${Named} text=${row.name} short=${short} /></a></th>
    <${Cell} name="Version" numeric>${row.version}${row.rolling > 0 && html` <a class="mark accent" href=${rolloutPath(row.name, row.rolling)} title="Being rolled out">→ ${row.rolling}</a>`}<//>
    <${Cell} name="Changed"><${At} wallMs=${row.at_ms} /><//>
    <${Cell} name="By">${row.author && html`<span class="one-line">${plain(row.author)}</span>`}<//>
    <${Cell} name="Reason">${row.reason && html`<span class="one-line">${plain(row.reason)}</span>`}<//>
    <${Cell} name="Size" numeric>${size(row.size)}<//></tr>`;
}

function Crumbs({ place }) {
  const steps = crumbs(place.prefix);
  if (!place.tree && !steps.length) return null;
  return html`<nav class="crumbs" aria-label="Folder"><ol>
    <li><a href=${pathOf(place, { ...CLOSED, prefix: "" })} aria-current=${steps.length ? undefined : "true"}>All entries</a></li>
    ${steps.map((step, at) => html`<li key=${at}><a href=${pathOf(place, { ...CLOSED, prefix: step.prefix })}
      aria-current=${at === steps.length - 1 ? "true" : undefined}>${step.name}</a></li>`)}</ol></nav>`;
}

function NoEntries({ place }) {
  if (place.filter) return html`<${Empty} title="No entry fits this filter">Esc in the box above shows all.<//>`;
  if (place.prefix) return html`<${Empty} title="Nothing lies in this folder"><a href=${pathOf({}, { tree: place.tree })}>All entries</a><//>`;
  return html`<${Empty} title="No entries yet">Write the configuration of a service here, or with <code>pycluster config put</code>.<//>`;
}

/** `state` is what is followed: `{page, refused, changes}`; `names` of changes are the entries'. */
export function EntryList({ place, state }) {
  const { page, refused, changes } = state;
  const [whole, setWhole] = useState("");
  const entries = page?.entries ?? [];
  const found = useMemo(() => entries.filter(entryFilter(place.filter)), [entries, place.filter]);
  const rows = useMemo(() => (place.tree && !place.filter ? level(found, place.prefix) : found), [found, place.tree, place.filter, place.prefix]);
  const here = `${place.prefix} ${place.filter} ${place.tree}`;
  const shown = whole === here ? rows : rows.slice(0, SHOWN);
  const newest = Date.now() - FRESH_MS;
  const fresh = new Set(changes.filter((change) => change.atMs > newest).map((change) => change.name));
  const said = page && (place.filter ? `${number.format(found.length)} of ${number.format(entries.length)}` : `${number.format(entries.length)}${page.more ? " and more" : ""}`);
  return html`<div class="stack keys-list"><${Card} id="entry-list" title="Entries" kind="flush headless">
    <div class="keys-tools">
      <${FilterBox} label="Filter entries" hint="Filter: name, author, reason, is:override" value=${place.filter} said=${said ?? ""} onInput=${(q) => setParameters({ q })} />
      <button type="button" class="chip" aria-pressed=${String(place.tree)} onClick=${() => navigate(pathOf(place, { tree: !place.tree }))}>
        <${Icon} name="tree" />Tree</button>
      <a class="chip" href=${pathOf(place, { ...CLOSED, doing: "new" })}><${Icon} name="plus" />New entry</a>
    </div>
    <${WatchLine} command=${CONFIG.watch(place.prefix)} revision=${page?.revision} />
    <${Crumbs} place=${place} />
    ${refused && html`<div class="in-card"><${Refusal} title=${page ? "Not read anew" : "Not read"} error=${refused} /></div>`}
    ${!page && !refused && html`<p class="loading in-card" role="status">Asking the agent …</p>`}
    ${page && (rows.length
      ? html`<div class="entry-rows"><${Table} label="Entries" heads=${HEADS}>${shown.map((row) => (row.folder
          ? html`<${Folder} key=${row.name} place=${place} row=${row} />`
          : html`<${Row} key=${row.name} place=${place} row=${row} short=${place.tree && !place.filter} fresh=${fresh.has(row.name)} />`))}<//></div>`
      : html`<${NoEntries} place=${place} />`)}
    ${shown.length < rows.length && html`<p class="cut"><button type="button" class="button" onClick=${() => setWhole(here)}>Show all ${number.format(rows.length)}</button></p>`}
    ${page?.more && html`<p class="card-note faint">There are more: open a folder with Tree, or use <code>${CONFIG.list(place.prefix)}</code>.</p>`}
  <//></div>`;
}
