// One key: its value, what is known of it, what it was before, and what can be done with it.
import { span, shown as now } from "../clock.js";
import { KV } from "../commands.js";
import { get, lease as askLease, remove } from "../kv/asking.js";
import { percent, readable } from "../kv/bytes.js";
import { pathOf } from "../kv/places.js";
import { navigate } from "../router.js";
import { Card, Command, Empty, Fact } from "../parts/cards.js";
import { Confirm, Overtaken, useOpenedFor } from "../parts/confirm.js";
import { Icon } from "../parts/glyphs.js";
import { html, useEffect, useState } from "../parts/html.js";
import { Refusal } from "../parts/refusal.js";
import { Value } from "../parts/value.js";
import { Editor } from "./keyedit.js";
import { History } from "./keyhistory.js";
import { WatchLine } from "./watchline.js";

const AGAIN_MS = 3_000;
const LEASE_MS = 10_000;

/** What is there: read at first, and again with every change of it. `at` 0 is now. */
export function useEntry(key, at, news) {
  const [state, setState] = useState({ known: null, refused: null });
  const [turn, setTurn] = useState(0);
  const reread = at ? 0 : (news?.revision ?? 0);
  useEffect(() => {
    const cut = new AbortController();
    let timer = 0;
    get({ key, revision: at, signal: cut.signal }).then(
      (known) => setState({ known: { ...known, at }, refused: null }),
      (error) => {
        if (error.name === "AbortError") return;
        setState((old) => ({ ...old, refused: error }));
        if (error.retryable) timer = setTimeout(() => setTurn((old) => old + 1), AGAIN_MS);
      },
    );
    return () => (cut.abort(), clearTimeout(timer));
  }, [percent(key), at, reread, turn]);
  return { ...state, known: state.known?.at === at ? state.known : null, again: () => setTurn((old) => old + 1) };
}

/** A lease with the time it has left, asked again now and then. */
function Lease({ id }) {
  const [state, setState] = useState(undefined);
  const turn = Math.floor(now.value / LEASE_MS);
  useEffect(() => {
    const cut = new AbortController();
    askLease(id, cut.signal).then((view) => setState(view && { ...view, askedMs: Date.now() }), () => {});
    return () => cut.abort();
  }, [id, turn]);
  const left = state && Math.max(0, state.ttl_s * 1000 - (now.value - state.askedMs));
  return html`<code>${id}</code> <span class="faint">${state === null
    ? "ended"
    : state ? `${span(left)} left of ${span(state.granted_ttl_s * 1000)}` : ""}</span>`;
}

function Facts({ entry }) {
  return html`<dl class="facts grid key-facts">
    <${Fact} name="Version">${entry.version}<//>
    <${Fact} name="Changed at revision">${entry.changed}<//>
    <${Fact} name="Created at revision">${entry.created}<//>
    ${entry.lease && html`<${Fact} name="Lease" wide><${Lease} key=${entry.lease} id=${entry.lease} /><//>`}
  </dl>`;
}

/** A key's name over its card, with what closes it. */
function Named({ title, close }) {
  return html`<div class="key-head"><a class="icon-button back" href=${close} aria-label="Close this key" title="Close"><${Icon} name="close" /><${Icon} name="back" /></a>
    <h2 class="key-title">${title}</h2></div>`;
}

function Gone({ place, news }) {
  const gone = news?.deleted ? html`It was deleted at revision ${news.revision}.` : "It was deleted, or never written.";
  return html`<${Empty} title="There is no such key">${gone}${" "}
    ${news?.deleted && html`<a href=${pathOf(place, { at: news.revision - 1, doing: "" })}>See what it was</a>`}<//>`;
}

function Past({ place }) {
  return html`<div class="banner note" role="status"><p>As it was at revision ${place.at}.</p>
    <a class="button" href=${pathOf(place, { at: 0, doing: "" })}>Show it now</a></div>`;
}

function Delete({ entry, onClose, onDone }) {
  const { seen, mark: at, write, overtaken, take } = useOpenedFor(entry, entry.changed);
  const act = () => remove({ key: seen.key, at, write });
  return html`<${Confirm} key=${at} title="Delete this key?" word="Delete" danger command=${KV.remove(seen.key, at)} act=${act} onClose=${onClose} onDone=${onDone}>
    <p><code class="key-name">${readable(seen.key)}</code></p>
    <p class="faint">It goes only if it is still at revision ${at}. Its history stays readable until it is compacted.</p>
    ${overtaken && html`<${Overtaken} onTake=${take}>Changed meanwhile, at revision ${entry.changed}.<//>`}<//>`;
}

function Actions({ place, entry }) {
  const [deleting, setDeleting] = useState(false);
  const edit = pathOf(place, { doing: "edit" });
  return html`<div class="buttons start">
    <a class="button primary" href=${edit}>${place.at ? "Edit from this" : "Edit"}</a>
    ${!place.at && html`<button type="button" class="button" onClick=${() => setDeleting(true)}>Delete</button>`}
    ${deleting && html`<${Delete} entry=${entry} onClose=${() => setDeleting(false)} onDone=${() => setDeleting(false)} />`}</div>`;
}

function Now({ place, state, news }) {
  const { known, refused } = state;
  const as = (form) => navigate(pathOf(place, { as: form }));
  if (!known) {
    if (refused?.kind === "compacted") {
      return html`<${Empty} title="Forgotten">Revision ${place.at} is compacted: what was superseded before can be read no more.<//>`;
    }
    return refused ? html`<${Refusal} title="Not read" error=${refused} />` : html`<p class="loading" role="status">Asking the agent …</p>`;
  }
  if (!known.found) {
    return place.at ? html`<${Empty} title="There was no such key">Nothing was there at revision ${place.at}.<//>` : html`<${Gone} place=${place} news=${news} />`;
  }
  return html`<${Facts} entry=${known.found} />
    ${refused && html`<${Refusal} title="Not read anew" error=${refused} />`}
    <${Value} value=${known.found.value} as=${place.as} onAs=${as} name=${readable(place.key).split("/").pop() || "value"} />
    <${Actions} place=${place} entry=${known.found} />`;
}

/** The key that the place names; `close` is the address without it, `changes` are the newest of the list beside it. */
export function Key({ place, close, changes, revision }) {
  const id = percent(place.key);
  const news = changes.find((change) => change.id === id);
  const state = useEntry(place.key, place.at, news);
  const command = KV.get(place.key, place.at);
  const entry = state.known?.found;
  return html`<div class="stack key-side">
    <${Card} id="the-key" title="Key" kind="headless">
      <${Named} title=${readable(place.key)} close=${close} />
      <div class="narrow-only"><${WatchLine} command=${KV.watch(place.prefix)} revision=${revision} /></div>
      ${place.at > 0 && html`<${Past} place=${place} />`}
      ${place.doing === "edit"
        ? html`<${Editor} place=${place} started=${state} news=${news} done=${pathOf(place, { doing: "", at: 0 })} />`
        : html`<${Now} place=${place} state=${state} news=${news} />`}
      ${place.doing !== "edit" && command && html`<${Command} text=${command} />`}<//>
    ${place.doing !== "edit" && (entry || news || place.at > 0) && html`<${History} place=${place} entry=${entry} news=${news} />`}</div>`;
}

/** A key that is not there yet. */
export function NewKey({ place, close }) {
  return html`<div class="stack key-side"><${Card} id="the-key" title="New key" kind="headless">
    <${Named} title="New key" close=${close} />
    <${Editor} place=${place} fresh done=${(key) => pathOf(place, { key, doing: "" })} /><//></div>`;
}
