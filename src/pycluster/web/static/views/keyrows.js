// The rows of a page of keys; on a phone each becomes a card.
import { percent, plain, readable, size, textOf } from "../kv/bytes.js";
import { pathOf, pathUnder } from "../kv/places.js";
import { Icon } from "../parts/glyphs.js";
import { html } from "../parts/html.js";
import { Cell, Table } from "../parts/table.js";

const SHOWN = 90;
const FRESH_MS = 4_000;

/** A value in a row: its beginning in one line, or its size. */
function Preview({ value }) {
  if (value === null) return null;
  if (!value.length) return html`<span class="faint">empty</span>`;
  const text = textOf(value);
  if (text === null) return html`<span class="faint">binary, ${size(value.length)}</span>`;
  const line = plain(text.slice(0, SHOWN)).replace(/\s+/g, " ");
  return html`<code class="preview">${line}${text.length > SHOWN && "…"}</code>`;
}

function Folder({ place, row }) {
  const name = readable(row.folder.slice(place.prefix.length));
  return html`<tr class="folder"><th scope="row"><a class="key-name" href=${pathUnder(place, row.folder)}>
      <${Icon} name="folder" />${name}</a></th>
    <td class="numeric faint" colspan="4" data-label="Keys">${row.count} ${row.count === 1 ? "key" : "keys"}</td></tr>`;
}

function Row({ place, row, fresh }) {
  const name = place.tree ? readable(row.key.slice(place.prefix.length)) || readable(row.key) : readable(row.key);
  const open = place.key !== null && percent(place.key) === row.id;
  return html`<tr class=${`${open ? "open" : ""} ${fresh ? "fresh" : ""}`} data-key=${row.id}>
    <th scope="row"><a class="key-name" aria-current=${open ? "true" : undefined}
      href=${pathOf(place, { key: row.key, at: 0, as: "", doing: "", history: false })}>${name}</a></th>
    <${Cell} name="Value">${row.value !== null && html`<${Preview} value=${row.value} />`}<//>
    <${Cell} name="Version" numeric>${row.version}<//>
    <${Cell} name="Changed at" numeric>${row.changed}<//>
    <${Cell} name="Lease">${row.lease && html`<span class="mark" title=${row.lease}>lease</span>`}<//></tr>`;
}

/** The table. */
export function KeyRows({ place, page, changes }) {
  const newest = Date.now() - FRESH_MS;
  const fresh = new Set(changes.filter((change) => change.atMs > newest).map((change) => `${change.id} ${change.revision}`));
  return html`<div class="key-rows"><${Table} label="Keys" heads=${["Key", "Value", "#Version", "#Changed at", "Lease"]}>
    ${page.rows.map((row) => (row.folder
      ? html`<${Folder} key=${row.id} place=${place} row=${row} />`
      : html`<${Row} key=${`${row.id} ${row.changed}`} place=${place} row=${row} fresh=${fresh.has(`${row.id} ${row.changed}`)} />`))}<//></div>`;
}
