// The keys of the replicated state: a list or a tree, kept up to date, and one key beside it.
import { timeOfDay } from "../clock.js";
import { KV } from "../commands.js";
import { percent, readable, textOf } from "../kv/bytes.js";
import { crumbs, flatPage, treePage } from "../kv/listing.js";
import { here, intervalOf, keeps, pathOf, pathUnder, typedPrefix } from "../kv/places.js";
import { navigate, setParameters } from "../router.js";
import { Card, Empty, FilterBox, Heading } from "../parts/cards.js";
import { useFollowed } from "../parts/followed.js";
import { Icon } from "../parts/glyphs.js";
import { useHeld } from "../parts/held.js";
import { html } from "../parts/html.js";
import { Refusal } from "../parts/refusal.js";
import { Source } from "../parts/source.js";
import { Key, NewKey } from "./key.js";
import { unwritten } from "./keyedit.js";
import { KeyRows } from "./keyrows.js";
import { WatchLine } from "./watchline.js";

/** The page that the place shows, read again with every change, and the newest changes. */
function usePage(place) {
  const { first, end } = intervalOf(place);
  const prefix = percent(place.prefix);
  const load = (signal) => (place.tree ? treePage : flatPage)(place, signal);
  return useFollowed({ name: `${prefix} ${percent(place.from)} ${place.tree}`, group: prefix, first, end, load });
}

const ALL = new Uint8Array();

function Crumbs({ place }) {
  const steps = crumbs(place.prefix);
  if (!place.tree && !steps.length) return null;
  return html`<nav class="crumbs" aria-label="Prefix"><ol>
    <li><a href=${pathUnder(place, ALL)} aria-current=${steps.length ? undefined : "true"}>All keys</a></li>
    ${steps.map((step, at) => html`<li key=${at}><a href=${pathUnder(place, step.prefix)}
      aria-current=${at === steps.length - 1 ? "true" : undefined}>${readable(step.name)}</a></li>`)}</ol></nav>`;
}

const number = new Intl.NumberFormat("en");

function counted(page) {
  if (!page) return "";
  const { before, all, rows } = page;
  const whole = !before && !page.next;
  if (whole || rows.some((row) => row.folder)) return `${number.format(all)} ${all === 1 ? "key" : "keys"}`;
  return `${number.format(before + 1)}–${number.format(before + rows.length)} of ${number.format(all)}`;
}

function Pages({ place, page }) {
  if (!page || (!page.next && !place.from.length)) return null;
  return html`<nav class="pages" aria-label="Pages of keys">
    ${place.from.length > 0 && html`<a class="button" href=${pathOf(place, { from: null })}>First page</a>`}
    ${page.next && html`<a class="button" href=${pathOf(place, { from: page.next })} rel="next">Next page</a>`}</nav>`;
}

function Changes({ place, changes }) {
  if (!changes.length) return null;
  return html`<${Card} id="key-changes" title="Changes since this list was opened" kind="flush"><ol class="changes" aria-label="Changes">
    ${changes.slice(0, 12).map((change) => html`<li key=${`${change.id} ${change.revision}`}>
      <span class="at faint">${timeOfDay(change.atMs)}</span>
      <span class=${`mark ${change.deleted ? "bad" : "good"}`}>${change.deleted ? "deleted" : change.version === 1 ? "created" : "put"}</span>
      <a class="key-name" href=${pathOf(place, { key: change.key, at: 0, as: "", doing: "" })}>${readable(change.key)}</a>
      <span class="faint">revision ${change.revision}</span></li>`)}</ol><//>`;
}

function List({ place, state }) {
  const { page, refused, changes } = state;
  const typed = textOf(place.prefix);
  return html`<div class="stack keys-list">
    <${Card} id="key-list" title="Keys" kind="flush headless">
      <div class="keys-tools">
        <${FilterBox} label="Prefix of keys" hint="All keys; type how they begin, such as app/" value=${typed ?? readable(place.prefix)} said=${counted(page)}
          onInput=${(text) => setParameters(typedPrefix(place, text))} />
        <button type="button" class="chip" aria-pressed=${String(place.tree)} onClick=${() => navigate(pathOf(place, { tree: !place.tree, from: null }))}>
          <${Icon} name="tree" />Tree</button>
        <a class="chip" href=${pathOf(place, { key: null, doing: "new" })}><${Icon} name="plus" />New key</a>
      </div>
      <${WatchLine} command=${KV.watch(place.prefix)} revision=${page?.revision} />
      <${Crumbs} place=${place} />
      ${refused && html`<div class="in-card"><${Refusal} title=${page ? "Not read anew" : "Not read"} error=${refused} /></div>`}
      ${!page && !refused && html`<p class="loading in-card" role="status">Asking the agent …</p>`}
      ${page && (page.rows.length
        ? html`<${KeyRows} place=${place} page=${page} changes=${changes} />`
        : html`<${NoKeys} place=${place} />`)}
      <${Pages} place=${place} page=${page} />
    <//>
    <${Changes} place=${place} changes=${changes} /></div>`;
}

function NoKeys({ place }) {
  if (place.prefix.length) return html`<${Empty} title="No key begins so">Esc in the box above shows all keys.<//>`;
  return html`<${Empty} title="No keys yet">Write one here, or with <code>pycluster kv put</code>.<//>`;
}

/** The view. */
export function Keys() {
  const place = here();
  const state = usePage(place);
  const beside = place.key || place.doing === "new";
  const held = useHeld((href) => unwritten.peek() && !(href && keeps(place, href)),
    html`<p>The editor of ${place.doing === "new" ? "a new key" : html`<code class="key-name">${readable(place.key ?? ALL)}</code>`} would close.</p>`);
  const close = pathOf(place, { key: null, at: 0, as: "", doing: "", history: false });
  return html`<${Heading} title="Keys" command=${KV.list(place.prefix)} />
    <${Source} page=${state.page} />
    <div class=${`keys-split ${beside ? "with-key" : ""}`}>
      <${List} place=${place} state=${state} />
      ${place.key && place.doing !== "new" && html`<${Key} key=${percent(place.key)} place=${place} close=${close} changes=${state.changes} revision=${state.page?.revision} />`}
      ${place.doing === "new" && html`<${NewKey} place=${place} close=${close} />`}
      ${held}
    </div>`;
}
