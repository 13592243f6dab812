// Ctrl-K: nodes, pages, configuration and keys by name, from the keyboard.
import { signal } from "@preact/signals";
import { first } from "../config/asking.js";
import { entryPath } from "../config/places.js";
import { navigate, nodePath } from "../router.js";
import { list } from "../kv/asking.js";
import { bytesOf, prefixEnd, readable } from "../kv/bytes.js";
import { keyPath } from "../kv/places.js";
import { leader, members } from "../store.js";
import { Dialog } from "./dialog.js";
import { Icon, Star, StateGlyph } from "./glyphs.js";
import { html, useEffect, useRef, useState } from "./html.js";
import { PAGES } from "./nav.js";

export const searching = signal(false);
const SHOWN = 12;
const KEYS_SHOWN = 6;
const ENTRIES_SHOWN = 4;
/** Keys are asked for when the typing pauses. */
const PAUSE_MS = 150;

/** How well a name fits what was typed: smaller is better, Infinity is not at all. */
function fit(name, typed) {
  const low = name.toLowerCase();
  const at = low.indexOf(typed);
  if (at >= 0) return at === 0 ? 0 : 1 + at / 100;
  let place = -1;
  for (const letter of typed) {
    place = low.indexOf(letter, place + 1);
    if (place < 0) return Infinity;
  }
  return 3;
}

function found(text) {
  const typed = text.trim().toLowerCase();
  const nodes = members.value.map((node) => ({ id: `n-${node.name}`, name: node.name, note: node.address, href: nodePath(node.name), node }));
  const pages = PAGES.map((entry) => ({ id: `p-${entry.page}`, name: entry.name, note: "page", href: entry.href, icon: entry.icon }));
  const all = typed ? [...nodes, ...pages] : [...pages, ...nodes];
  return all
    .map((item) => ({ ...item, rank: Math.min(fit(item.name, typed), item.note === "page" ? Infinity : 4 + fit(item.note, typed)) }))
    .filter((item) => item.rank < 5.5)
    .sort((a, b) => a.rank - b.rank)
    .slice(0, SHOWN);
}

/** The first keys that begin as it was typed, from this agent's own copy where it has one. */
async function keysOf(typed, signal) {
  const start = bytesOf(typed);
  const { entries } = await list({ start, end: prefixEnd(start), limit: KEYS_SHOWN, keysOnly: true, signal });
  return entries.map((one) => ({ id: `k-${one.id}`, name: readable(one.key), note: "key", href: keyPath(one.key), icon: "keys" }));
}

/** The same of the configuration's entries. */
async function entriesOf(typed, signal) {
  if (!leader.value?.leader) return [];
  const { entries } = await first(typed, ENTRIES_SHOWN, signal);
  return entries.map((one) => ({ id: `c-${one.name}`, name: one.name, note: "configuration", href: entryPath(one.name), icon: "configuration" }));
}

/** What of the replicated state begins as it was typed. */
function useStored(typed) {
  const [found, setFound] = useState({ typed: "", items: [] });
  useEffect(() => {
    if (!typed) return undefined;
    const cut = new AbortController();
    const timer = setTimeout(async () => {
      // Nobody may be there to ask: nodes and pages are found all the same.
      const [entries, keys] = await Promise.allSettled([entriesOf(typed, cut.signal), keysOf(typed, cut.signal)]);
      if (!cut.signal.aborted) setFound({ typed, items: [...(entries.value ?? []), ...(keys.value ?? [])] });
    }, PAUSE_MS);
    return () => (clearTimeout(timer), cut.abort());
  }, [typed]);
  return found.typed === typed ? found.items : [];
}

function Option({ item, chosen, index, onChoose, onPoint }) {
  const row = useRef(null);
  useEffect(() => {
    if (chosen) row.current.scrollIntoView({ block: "nearest" });
  }, [chosen]);
  return html`<li ref=${row} id=${`option-${index}`} role="option" aria-selected=${String(chosen)} onClick=${onChoose} onMouseMove=${onPoint}>
    ${item.node ? html`<${StateGlyph} state=${item.node.state} />` : html`<${Icon} name=${item.icon} />`}
    <span class="option-name">${item.name}</span>
    ${item.node && item.node.name === leader.value?.leader && html`<${Star} />`}
    <span class="faint option-note">${item.node ? `${item.node.state} · ${item.note}` : item.note}</span>
  </li>`;
}

function Search() {
  const [text, setText] = useState("");
  const [chosen, choose] = useState(0);
  const named = found(text);
  const stored = useStored(text.trim());
  const items = [...named.slice(0, SHOWN - stored.length), ...stored];
  const at = Math.min(chosen, items.length - 1);
  const close = () => (searching.value = false);
  const go = (item) => {
    close();
    setTimeout(() => navigate(item.href)); // once the box has gone, which gives the focus back
  };
  const onKeyDown = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && items.length) choose((at + step + items.length) % items.length);
    else if (event.key === "Enter" && items[at]) go(items[at]);
    else return;
    event.preventDefault();
  };
  return html`<${Dialog} kind="palette" label="Search nodes, keys and pages" onClose=${close}>
    <div class="palette-box">
      <div class="palette-input"><${Icon} name="search" />
        <input type="text" role="combobox" aria-expanded="true" aria-controls="palette-list" aria-autocomplete="list" autofocus maxlength="200"
          aria-activedescendant=${items.length ? `option-${at}` : undefined} aria-label="Search nodes, keys and pages" placeholder="Go to a node, a key or a page"
          autocomplete="off" spellcheck=${false} value=${text} onKeyDown=${onKeyDown}
          onInput=${(event) => (setText(event.currentTarget.value), choose(0))} />
        <kbd>Esc</kbd></div>
      <ul id="palette-list" role="listbox" aria-label="Results">${items.map((item, index) => html`
        <${Option} key=${item.id} item=${item} index=${index}
        chosen=${index === at} onChoose=${() => go(item)} onPoint=${() => index !== at && choose(index)} />`)}</ul>
      ${!items.length && html`<p class="palette-none" role="status">Nothing by that name</p>`}
    </div>
  <//>`;
}

/** The search, while it is open. */
export function Palette() {
  return searching.value ? html`<${Search} />` : null;
}
