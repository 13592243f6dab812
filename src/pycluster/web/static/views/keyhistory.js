// What a key was before: one read at a past revision for each step, until its creation or what is compacted.
import { KV } from "../commands.js";
import { get } from "../kv/asking.js";
import { plain, size, textOf } from "../kv/bytes.js";
import { pathOf } from "../kv/places.js";
import { Card, Command } from "../parts/cards.js";
import { html, useEffect, useState } from "../parts/html.js";
import { Refusal } from "../parts/refusal.js";

const STEP = 8;
const SHOWN = 120;

/** Up to `STEP` versions before revision `before`, newest first: `{versions, before, end, refused}`. */
async function earlier(key, before, signal) {
  const versions = [];
  let at = before;
  while (versions.length < STEP) {
    if (at < 2) return { versions, before: 0, end: "first" };
    let answer;
    try {
      answer = await get({ key, revision: at - 1, signal });
    } catch (refused) {
      if (refused.name === "AbortError") throw refused;
      return { versions, before: at, end: refused.kind === "compacted" ? "compacted" : "refused", refused };
    }
    if (!answer.found) return { versions, before: 0, end: "absent", at: at - 1 };
    versions.push(answer.found);
    at = answer.found.changed;
  }
  return { versions, before: at, end: "" };
}

function Said({ value }) {
  const text = textOf(value);
  if (text === null) return html`<span class="faint">binary, ${size(value.length)}</span>`;
  if (!text) return html`<span class="faint">empty</span>`;
  return html`<code class="preview">${plain(text.slice(0, SHOWN)).replace(/\s+/g, " ")}${text.length > SHOWN && "…"}</code>`;
}

function End({ state, versions }) {
  if (state.end === "compacted") return html`<p class="card-note faint">What was before is compacted: it can be read no more.</p>`;
  if (state.end === "refused") return html`<div class="in-card"><${Refusal} title="Not read" error=${state.refused} /></div>`;
  if (state.end === "absent" || state.end === "first") {
    const created = versions.at(-1)?.created;
    return html`<p class="card-note faint">${created ? `Created at revision ${created}; before that there was no such key.` : "There was no such key before."}</p>`;
  }
  return null;
}

/** From `entry` (or from the deletion that `news` tells of) back. */
export function History({ place, entry, news }) {
  const from = entry?.changed ?? (news?.deleted ? news.revision : place.at + 1);
  const [state, setState] = useState(null);
  const [wanted, setWanted] = useState(1);
  const open = place.history;
  const more = async (before, known, signal) => {
    const found = await earlier(place.key, before, signal);
    setState({ ...found, from, versions: [...known, ...found.versions] });
  };
  useEffect(() => {
    if (!open) return undefined;
    const cut = new AbortController();
    const again = state?.from === from && wanted > 1 ? state : null;
    more(again ? again.before : from, again ? again.versions : [], cut.signal).catch(() => {});
    return () => cut.abort();
  }, [open, from, wanted]);
  if (!open) {
    return html`<p class="history-door"><a class="button" href=${pathOf(place, { history: true })}>Earlier versions</a></p>`;
  }
  const versions = state?.versions ?? [];
  const command = versions.length > 0 && KV.get(place.key, versions[0].changed);
  return html`<${Card} id="key-history" title="Earlier versions" kind="flush" aside=${html`<a href=${pathOf(place, { history: false })}>hide</a>`}>
    ${!state && html`<p class="loading in-card" role="status">Reading past revisions …</p>`}
    <ol class="history" aria-label="Earlier versions">${versions.map((one) => html`<li key=${one.changed}>
      <a href=${pathOf(place, { at: one.changed, doing: "" })} aria-current=${place.at === one.changed ? "true" : undefined}>revision ${one.changed}</a>
      <span class="faint">version ${one.version}, ${size(one.value.length)}</span>
      <${Said} value=${one.value} /></li>`)}</ol>
    ${state && html`<${End} state=${state} versions=${versions.length ? versions : entry ? [entry] : []} />`}
    ${state?.end === "" && html`<p class="card-note"><button type="button" class="button" onClick=${() => setWanted((old) => old + 1)}>Show more</button></p>`}
    ${command && html`<p class="card-note"><${Command} text=${command} /></p>`}<//>`;
}
