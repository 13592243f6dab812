// Writing a key: only if it is still what the writer has seen. Who loses that race is shown what the other wrote.
import { KV } from "../commands.js";
import { newWrite } from "../http.js";
import { get, put } from "../kv/asking.js";
import { bytesOf, fromHex, size, textOf, toHex } from "../kv/bytes.js";
import { pathOf } from "../kv/places.js";
import { leadsAway, navigate } from "../router.js";
import { Command, Empty } from "../parts/cards.js";
import { html, signal, useEffect, useRef, useState } from "../parts/html.js";
import { Refusal } from "../parts/refusal.js";
import { useUntilAnswered } from "../parts/until-answered.js";
import { Value } from "../parts/value.js";

/** Whether something stands in the editor that somebody typed, and that would be lost with it. */
export const unwritten = signal(false);
/** Longer values are no pleasure to edit in a page. */
const TEXT_MOST = 128 * 1024;
const BYTES_MOST = 4 * 1024;

/** What a text area gives back as it took it: it makes every end of a line the same. */
const typable = (value) => textOf(value) !== null && !value.includes(13);
const editable = (value) => value.length <= (typable(value) ? TEXT_MOST : BYTES_MOST);
const typedOf = (value) => (typable(value) ? textOf(value) : toHex(value));

/** Somebody else's write that came first, beside what is to be done about it. */
function Conflict({ theirs, onTake, onKeep }) {
  return html`<section class="conflict" role="alert" aria-label="Somebody was faster">
    <p><b>Somebody was faster: nothing of yours was written.</b></p>
    ${theirs
      ? html`<p class="faint">Theirs is revision ${theirs.changed}, version ${theirs.version}:</p>
        <${Value} value=${theirs.value} as="" onAs=${() => {}} name="theirs" />`
      : html`<p class="faint">They deleted the key.</p>`}
    <div class="buttons start">
      ${theirs && html`<button type="button" class="button" onClick=${onTake}>Take theirs</button>`}
      <button type="button" class="button" onClick=${onKeep}>${theirs ? "Keep mine, to write over theirs" : "Keep mine, to create it again"}</button>
    </div></section>`;
}

/** `base` is what the writer has seen: null for a key that is not there. */
function Form({ place, base, start, fresh, news, done }) {
  const [seen, setSeen] = useState(base);
  const [binary, setBinary] = useState(!typable(start));
  const [text, setText] = useState(typedOf(start));
  // Until somebody types it, a name begins as the keys beside it do.
  const [named, setName] = useState(null);
  const name = named ?? textOf(place.prefix) ?? "";
  const [state, setState] = useState({ working: false, refused: null, theirs: undefined });
  // A write that may have been done is tried under the same name: it is done once.
  const write = useRef({ text: null, id: "" });
  const key = fresh ? bytesOf(name) : place.key;
  const value = binary ? fromHex(text) : bytesOf(text);
  const at = seen?.changed ?? 0;
  const overtaken = !state.working && news && news.revision > at && state.theirs === undefined;

  const alive = useRef(true);
  useEffect(() => () => {
    alive.current = false;
    unwritten.value = false;
  }, []);
  const typing = (set) => (event) => {
    set(event.currentTarget.value);
    unwritten.value = true;
  };
  const letGo = (event) => {
    if (leadsAway(event)) unwritten.value = false;
  };
  const look = async () => {
    const { found } = await get({ key });
    setState({ working: false, refused: null, theirs: found });
  };
  const save = async (event) => {
    event.preventDefault();
    if (state.working || value === null || !key.length) return;
    const attempt = `${at} ${binary} ${name} ${text}`;
    if (write.current.text !== attempt) write.current = { text: attempt, id: newWrite() };
    setState({ working: true, refused: null, theirs: undefined });
    try {
      await put({ key, value, at, lease: seen?.lease ?? "", write: write.current.id });
      if (!alive.current) return; // somebody went elsewhere meanwhile, and may be typing there
      unwritten.value = false;
      navigate(typeof done === "function" ? done(key) : done);
    } catch (error) {
      if (error.kind === "compare-failed") await look().catch((refused) => setState({ working: false, refused, theirs: undefined }));
      else setState({ working: false, refused: error, theirs: undefined });
    }
  };
  const take = (theirs, mine) => {
    setSeen(theirs);
    if (!mine) {
      setBinary(!typable(theirs.value));
      setText(typedOf(theirs.value));
      unwritten.value = false;
    }
    setState({ working: false, refused: null, theirs: undefined });
  };
  const asHex = (wanted) => {
    const bytes = value ?? new Uint8Array();
    if (!wanted && !typable(bytes)) return;
    setText(wanted ? toHex(bytes) : textOf(bytes));
    setBinary(wanted);
  };
  const [rows] = useState(Math.min(18, Math.max(4, text.split("\n").length + 1)));
  const command = value && key.length ? KV.put(key, value, at, seen?.lease) : "";
  return html`<form class="editor" onSubmit=${save}>
    ${fresh && html`<label class="field-label">Key<input class="input mono" name="key" value=${name} autofocus autocomplete="off" spellcheck=${false} maxlength="8192" readonly=${state.working}
      onInput=${typing(setName)} /></label>`}
    <div class="value-tools"><span class="field-name" id="value-name">Value</span>
      <div class="tabs" role="group" aria-label="Written as">
        <button type="button" class="tab" aria-pressed=${String(!binary)} disabled=${binary && (value === null || !typable(value))} onClick=${() => asHex(false)}>Text</button>
        <button type="button" class="tab" aria-pressed=${String(binary)} onClick=${() => asHex(true)}>Hex</button></div>
      <span class="faint">${value === null ? "" : size(value.length)}</span></div>
    <textarea class="input mono" aria-labelledby="value-name" rows=${rows} spellcheck=${false} autocomplete="off" value=${text} readonly=${state.working}
      aria-invalid=${value === null ? "true" : undefined} onInput=${typing(setText)}></textarea>
    ${value === null && html`<p class="bad-text">Hexadecimal digits in pairs, please.</p>`}
    <p class="faint">${at
      ? html`Written only if the key is still at revision <b class="figure">${at}</b>${seen.lease ? "; it stays attached to its lease" : ""}.`
      : "Written only if there is no such key yet."}</p>
    ${overtaken && html`<div class="banner warning" role="status"><p>${news.deleted ? "Deleted" : "Changed"} meanwhile, at revision ${news.revision}.</p>
      <button type="button" class="button" onClick=${() => look().catch((refused) => setState({ working: false, refused, theirs: undefined }))}>See it</button></div>`}
    ${state.theirs !== undefined && html`<${Conflict} theirs=${state.theirs} onTake=${() => take(state.theirs, false)} onKeep=${() => take(state.theirs, true)} />`}
    ${state.refused && html`<${Refusal} title=${state.refused.status === 504 ? "Not certain" : "Not written"} error=${state.refused} />`}
    <div class="buttons">
      <a class="button" href=${fresh ? pathOf(place, { doing: "" }) : done} onClick=${letGo}>Cancel</a>
      <button type="submit" class="button primary" disabled=${state.working || value === null || !key.length}>
        ${state.working ? "Writing …" : fresh || !at ? "Create" : "Write"}</button>
    </div>
    ${command && html`<${Command} text=${command} />`}
  </form>`;
}

/** What begins with the value that the place shows; writes are compared with what the key is now. */
export function Editor({ place, started, fresh = false, news, done }) {
  const [base, setBase] = useState(null);
  const wanted = !fresh && !base && started.known;
  const begin = (seen) => setBase({ seen, start: started.known.found?.value ?? new Uint8Array() });
  useEffect(() => {
    if (wanted && !place.at) begin(started.known.found);
  }, [wanted, place.at]);
  const ask = wanted && place.at > 0 && ((signal) => get({ key: place.key, signal }));
  const refused = useUntilAnswered(ask, [wanted, place.at], ({ found }) => begin(found));
  if (fresh) return html`<${Form} place=${place} base=${null} start=${new Uint8Array()} fresh done=${done} />`;
  if (!base) {
    const error = refused ?? started.refused;
    return error ? html`<${Refusal} title="Not read" error=${error} />` : html`<p class="loading" role="status">Asking the agent …</p>`;
  }
  if (!editable(base.start)) {
    const command = KV.put(place.key, base.start, base.seen?.changed ?? 0, base.seen?.lease);
    return html`<${Empty} title=${`${size(base.start.length)} are too much to edit here`}>
        Save it as a file, change it, and write it from there:<//>
      ${command && html`<${Command} text=${command} />`}
      <div class="buttons"><a class="button" href=${done}>Back</a></div>`;
  }
  return html`<${Form} place=${place} base=${base.seen} start=${base.start} news=${news} done=${done} />`;
}
