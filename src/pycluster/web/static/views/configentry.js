// One entry: its content, who wrote this version when and why, what overrides it, and what can be done with it.
import { CONFIG } from "../commands.js";
import { change, get } from "../config/asking.js";
import { nameOf, partOf } from "../config/names.js";
import { CLOSED, effectivePath, pathOf, rolloutPath } from "../config/places.js";
import { bytesOf, plain, size } from "../kv/bytes.js";
import { navigate } from "../router.js";
import { self } from "../store.js";
import { At } from "../parts/ages.js";
import { Card, Command, Empty, Fact } from "../parts/cards.js";
import { Confirm, Overtaken, useOpenedFor } from "../parts/confirm.js";
import { Icon } from "../parts/glyphs.js";
import { html, useEffect, useState } from "../parts/html.js";
import { Refusal } from "../parts/refusal.js";
import { Value } from "../parts/value.js";
import { ConfigEditor } from "./configedit.js";
import { ConfigHistory } from "./confighistory.js";
import { NewOverride } from "./configoverride.js";
import { WatchLine } from "./watchline.js";
import { Said, useSaid } from "./configsaid.js";

const AGAIN_MS = 3_000;

/** What the entry is, or was: read at first, and again with every change of it. `there`: whether the list has it, undefined before it is known. */
function useEntry(name, version, there, changed) {
  const [state, setState] = useState({ known: null, refused: null });
  const [turn, setTurn] = useState(0);
  const wanted = version || there;
  useEffect(() => {
    if (!wanted) return undefined;
    const cut = new AbortController();
    let timer = 0;
    get(name, version, cut.signal).then(
      (known) => setState({ known: { ...known, asked: version }, refused: null }),
      (error) => {
        if (error.name === "AbortError") return;
        setState((old) => ({ ...old, refused: error }));
        if (error.retryable) timer = setTimeout(() => setTurn((old) => old + 1), AGAIN_MS);
      },
    );
    return () => (cut.abort(), clearTimeout(timer));
  }, [name, version, wanted, version ? 0 : changed, turn]);
  return { ...state, known: wanted && state.known?.asked === version ? state.known : null };
}

/** A name over its card, with what closes it. */
export function Named({ title, close, watched }) {
  return html`<div class="key-head"><a class="icon-button back" href=${close} aria-label="Close this entry" title="Close"><${Icon} name="close" /><${Icon} name="back" /></a>
      <h2 class="key-title">${title}</h2></div>
    ${watched && html`<div class="narrow-only"><${WatchLine} ...${watched} /></div>`}`;
}

function Facts({ entry }) {
  return html`<dl class="facts grid key-facts">
    <${Fact} name="Version">${entry.version}<//><${Fact} name="Format">${entry.format}<//><${Fact} name="Size">${size(entry.size)}<//>
    <${Fact} name="Changed"><${At} wallMs=${entry.at_ms} /><//>
    <${Fact} name="By">${plain(entry.author) || html`<span class="faint">nobody named</span>`}<//>
    <${Fact} name="Reason" wide>${plain(entry.reason) || html`<span class="faint">none given</span>`}<//></dl>`;
}

function Delete({ entry, onClose, onDone }) {
  const { seen, mark: at, write: id, overtaken, take } = useOpenedFor(entry, entry.version);
  const said = useSaid();
  const { author, reason } = said;
  const act = () => change({ name: seen.name, content: null, at, author, reason, id });
  const command = CONFIG.remove(seen.name, { at, author, reason });
  return html`<${Confirm} key=${at} title="Delete this entry?" word="Delete" danger command=${command} act=${act} onClose=${onClose} onDone=${onDone}>
    <p><code class="key-name">${seen.name}</code></p>
    <p class="faint">It goes only if it still has version ${at}. Its history stays, and a rollback brings it back.</p>
    ${overtaken && html`<${Overtaken} onTake=${take}>Version ${entry.version} was written meanwhile.<//>`}
    <${Said} said=${said} /><//>`;
}

function Actions({ place, entry, overridable }) {
  const [deleting, setDeleting] = useState(false);
  const [overriding, setOverriding] = useState(false);
  const close = () => setDeleting(false);
  return html`<div class="buttons start">
      <a class="button primary" href=${pathOf(place, { doing: "edit" })}>${entry.current ? "Edit" : "Edit from this"}</a>
      ${entry.current && html`<button type="button" class="button" onClick=${() => setDeleting(true)}>Delete</button>`}
      ${overridable && html`<button type="button" class="button" aria-expanded=${String(overriding)} onClick=${() => setOverriding(!overriding)}>Override it …</button>`}
    </div>
    ${overriding && html`<${NewOverride} place=${place} path=${entry.name} />`}
    ${deleting && html`<${Delete} entry=${entry} onClose=${close} onDone=${close} />`}`;
}

/** The entry's overrides and schema, or what it overrides. */
function Relatives({ place, entries }) {
  const { path, text, scope, schema } = nameOf(place.name);
  const others = entries.filter((one) => one.name !== text && nameOf(one.name).path === path);
  if (!others.length && !scope) return null;
  return html`<div class="relatives"><p class="field-name">${scope ? `Overrides ${path} at ${scope} ${nameOf(text).value}` : schema ? "Is for" : "Overrides and schema"}</p>
    <ul class="chips">${others.map((one) => html`<li key=${one.name}><a class="chip" href=${pathOf(place, { ...CLOSED, name: one.name })}>
        ${partOf(nameOf(one.name)) || "for all nodes"}</a></li>`)}
      <li><a class="chip" href=${effectivePath(scope === "node" ? nameOf(text).value : self.value.name, path)}>what a node gets</a></li></ul></div>`;
}

function Past({ place, entry }) {
  return html`<div class="banner note" role="status"><p>${entry?.deleted ? `Version ${place.version} is its deletion.` : `As it was as version ${place.version}.`}</p>
    <a class="button" href=${pathOf(place, { version: 0, doing: "" })}>Show it now</a></div>`;
}

function Gone({ place }) {
  return html`<${Empty} title="There is no such entry">It was deleted, or never written. Its history may tell, and bring it back.<//>
    <div class="buttons start"><a class="button" href=${pathOf(place, { doing: "new" })}>Write it</a></div>`;
}

function Now({ place, state, there, entries }) {
  const { known, refused } = state;
  if (there === false && !place.version) return html`<${Gone} place=${place} />`;
  if (!known) return refused ? html`<${Refusal} title="Not read" error=${refused} />` : html`<p class="loading" role="status">Asking the agent …</p>`;
  const as = (form) => navigate(pathOf(place, { as: form }));
  const { scope, schema } = nameOf(place.name);
  return html`<${Facts} entry=${known} />
    ${refused && html`<${Refusal} title="Not read anew" error=${refused} />`}
    ${known.current && known.rolling > 0 && html`<div class="banner note" role="status"><p>Version ${known.rolling} is being rolled out over this one; until that is over it stays as it is.</p>
      <a class="button" href=${rolloutPath(place.name, known.rolling)}>See it</a></div>`}
    ${!known.deleted && html`<${Value} value=${bytesOf(known.content)} as=${place.as} onAs=${as} name=${place.name.split("/").pop()} />`}
    ${!known.deleted && html`<${Actions} place=${place} entry=${known} overridable=${known.current && !scope && !schema} />`}
    <${Relatives} place=${place} entries=${entries} />`;
}

/** The entry that the place names; `state` is what the list beside it follows. */
export function ConfigEntry({ place, close, state }) {
  const { page, changes } = state;
  const news = changes.find((one) => one.name === place.name);
  // A deletion is heard of before the list has been read again.
  const gone = Boolean(news?.deleted) && news.revision > (page?.revision ?? 0);
  const listed = gone ? undefined : page?.entries.find((one) => one.name === place.name);
  const there = page ? Boolean(listed) || (page.more && !news?.deleted) : undefined;
  const changed = `${listed?.version ?? 0} ${news?.revision ?? 0}`;
  const entry = useEntry(place.name, place.version, there, changed);
  const editing = place.doing === "edit";
  const done = pathOf(place, { doing: "", version: 0 });
  return html`<div class="stack key-side"><${Card} id="the-entry" title="Entry" kind="headless">
      <${Named} title=${place.name} close=${close} watched=${{ command: "", revision: page?.revision }} />
      ${place.version > 0 && html`<${Past} place=${place} entry=${entry.known} />`}
      ${editing
        ? html`<${ConfigEditor} place=${place} started=${entry} there=${there} newest=${listed} done=${done} />`
        : html`<${Now} place=${place} state=${entry} there=${there} entries=${page?.entries ?? []} />`}
      ${!editing && entry.known && html`<${Command} text=${CONFIG.get(place.name, place.version)} />`}<//>
    ${!editing && html`<${ConfigHistory} place=${place} newest=${listed} changed=${changed} />`}</div>`;
}

/** An entry that is not there yet; the place may name it already. */
export function NewEntry({ place, close }) {
  return html`<div class="stack key-side"><${Card} id="the-entry" title="New entry" kind="headless">
    <${Named} title="New entry" close=${close} />
    <${ConfigEditor} place=${place} fresh done=${(name) => pathOf(place, { ...CLOSED, name })} cancel=${close} /><//></div>`;
}
