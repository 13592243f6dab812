// What an entry was before: its versions, what changed between any two of them, and the way back.
import { CONFIG } from "../commands.js";
import { get, history, rollback } from "../config/asking.js";
import { pathOf, rolloutPath } from "../config/places.js";
import { plain, size } from "../kv/bytes.js";
import { setParameters } from "../router.js";
import { At } from "../parts/ages.js";
import { Card, Command } from "../parts/cards.js";
import { Confirm, Overtaken, useOpenedFor } from "../parts/confirm.js";
import { Diff } from "../parts/diff.js";
import { html, useEffect, useState } from "../parts/html.js";
import { Refusal } from "../parts/refusal.js";
import { Said, useSaid } from "./configsaid.js";

/** What `ask(signal)` gives, asked again when one of `keys` changes; what is known stays shown meanwhile. */
function useAsked(ask, keys) {
  const [state, setState] = useState({ known: null, refused: null });
  useEffect(() => {
    if (!ask) return undefined;
    const cut = new AbortController();
    ask(cut.signal).then(
      (known) => setState({ known, refused: null }),
      (error) => error.name === "AbortError" || setState((old) => ({ ...old, refused: error })),
    );
    return () => cut.abort();
  }, keys);
  return state;
}

/** The contents of two versions, a deletion being empty; version 0 is nothing. */
async function both(name, from, to, signal) {
  const content = async (version) => (version ? (await get(name, version, signal)).content : "");
  const [before, after] = await Promise.all([content(from), content(to)]);
  return { from, to, before, after };
}

/** What changed from one version to the other. */
export function VersionsDiff({ name, from, to }) {
  const { known, refused } = useAsked((signal) => both(name, from, to, signal), [name, from, to]);
  if (refused) return html`<${Refusal} title="Not compared" error=${refused} />`;
  if (known?.from !== from || known?.to !== to) return html`<p class="loading" role="status">Reading both versions …</p>`;
  return html`<${Diff} before=${known.before} after=${known.after} label=${`Changes from version ${from} to version ${to}`} />`;
}

function Choice({ label, value, versions, onChange }) {
  return html`<label>${label} <select class="input small" aria-label=${`Compare ${label}`} value=${String(value)} onChange=${(event) => onChange(Number(event.currentTarget.value))}>
    ${versions.map((one) => html`<option key=${one.version} value=${String(one.version)}>version ${one.version}</option>`)}</select></label>`;
}

/** The two versions that are compared: those in the address, or the newest two. */
function Comparison({ place, versions }) {
  const has = (version) => versions.some((one) => one.version === version);
  const to = has(place.to) ? place.to : versions[0].version;
  const from = has(place.from) ? place.from : (versions.find((one) => one.version < to)?.version ?? 0);
  const choose = (key) => (version) => setParameters({ from: String(from), to: String(to), [key]: String(version) });
  if (versions.length < 2) return html`<p class="card-note faint">This is the only version that is kept.</p>`;
  return html`<div class="comparison in-card">
    <div class="comparison-choice"><${Choice} label="from" value=${from} versions=${versions} onChange=${choose("from")} />
      <${Choice} label="to" value=${to} versions=${versions} onChange=${choose("to")} /></div>
    <${VersionsDiff} name=${place.name} from=${from} to=${to} />
    ${from > 0 && html`<${Command} text=${CONFIG.diff(place.name, from, to)} />`}</div>`;
}

function Rollback({ name, to, newest, onClose }) {
  const { seen: at, write: id, overtaken, take } = useOpenedFor(newest, newest);
  const said = useSaid();
  const { author, reason } = said;
  const command = CONFIG.rollback(name, to, { at, author, reason });
  return html`<${Confirm} key=${at} title=${`Go back to version ${to}?`} word="Roll back" command=${command} onClose=${onClose} onDone=${onClose}
      act=${() => rollback({ name, to, at, author, reason, id })}>
    <p>What <code>${name}</code> was as version ${to} becomes a new version${at ? `, if it still has version ${at}` : ""}.</p>
    ${overtaken && html`<${Overtaken} onTake=${take}>${newest ? `Version ${newest} was written meanwhile.` : "Deleted meanwhile."}<//>`}
    <${VersionsDiff} name=${name} from=${at} to=${to} />
    <${Said} said=${said} /><//>`;
}

function Version({ place, one, before, newest, onBack }) {
  const current = one.version === newest;
  const rolling = !one.current && one.rolling > 0;
  const changes = pathOf(place, { from: before, to: one.version });
  return html`<li data-version=${one.version}>
    <a href=${pathOf(place, { version: current ? 0 : one.version, doing: "" })} aria-current=${(place.version || newest) === one.version ? "true" : undefined}>version ${one.version}</a>
    ${one.deleted ? html`<span class="mark bad">deleted</span>` : current ? html`<span class="mark good">in force</span>` : rolling ? html`<a class="mark accent" href=${rolloutPath(place.name, one.version)}>being rolled out</a>` : null}
    <span class="faint"><${At} wallMs=${one.at_ms} />, ${plain(one.author) || "nobody named"}${one.deleted ? "" : `, ${size(one.size)}`}</span>
    <span class="version-foot"><span class="reason">${plain(one.reason)}</span><span class="row-buttons">
      ${before > 0 && html`<a class="button small" href=${changes} aria-label=${`Changes of version ${one.version}`}>Changes</a>`}
      ${!current && !rolling && !one.deleted && html`<button type="button" class="button small" aria-label=${`Roll back to version ${one.version}`} onClick=${() => onBack(one.version)}>Roll back</button>`}</span></span></li>`;
}

/** `newest` is the entry in force, undefined without one; `changed` differs whenever there may be another version. */
export function ConfigHistory({ place, newest, changed }) {
  const [back, setBack] = useState(0);
  const open = place.history;
  const { known, refused } = useAsked(open && ((signal) => history(place.name, signal)), [place.name, open, changed]);
  if (!open) return html`<p class="history-door"><a class="button" href=${pathOf(place, { history: true })}>History and differences</a></p>`;
  const at = newest?.version ?? 0;
  return html`<${Card} id="entry-history" title="History" kind="flush" aside=${html`<a href=${pathOf(place, { history: false, from: 0, to: 0 })}>hide</a>`}>
    ${refused && html`<div class="in-card"><${Refusal} title="Not read" error=${refused} /></div>`}
    ${!known && !refused && html`<p class="loading in-card" role="status">Reading the versions …</p>`}
    ${known && html`<ol class="history versions" aria-label="Versions">${known.map((one, row) => html`
        <${Version} key=${one.version} place=${place} one=${one} before=${known[row + 1]?.version ?? 0} newest=${at} onBack=${setBack} />`)}</ol>
      <p class="card-note"><${Command} text=${CONFIG.history(place.name)} /></p>
      <${Comparison} place=${place} versions=${known} />`}
    ${back > 0 && html`<${Rollback} name=${place.name} to=${back} newest=${at} onClose=${() => setBack(0)} />`}<//>`;
}
