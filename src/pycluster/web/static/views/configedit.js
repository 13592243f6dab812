// Writing an entry: as text or by a form, and only over the version that the writer has seen.
import { CONFIG } from "../commands.js";
import { change, check, draft, get } from "../config/asking.js";
import { formatOf } from "../config/names.js";
import { keeps, rolloutPath } from "../config/places.js";
import { spelt, start as startRollout } from "../config/rollouts.js";
import { contentOf, typed } from "../config/texts.js";
import { Refused, newWrite } from "../http.js";
import { plain, size } from "../kv/bytes.js";
import { leadsAway, navigate } from "../router.js";
import { Command, Empty } from "../parts/cards.js";
import { Diff } from "../parts/diff.js";
import { useHeld } from "../parts/held.js";
import { html, useEffect, useRef, useState } from "../parts/html.js";
import { Lines } from "../parts/lines.js";
import { Refusal } from "../parts/refusal.js";
import { useUntilAnswered } from "../parts/until-answered.js";
import { SchemaForm } from "./configform.js";
import { Problems, useProblems } from "./configproblems.js";
import { Said, useSaid } from "./configsaid.js";
import { RolloutChoice } from "./rolloutchoice.js";

const FORMATS = ["text", "json", "yaml", "toml"];
const WRITING = "Writing …";
const IDLE = { working: "", refused: null, title: "", theirs: undefined, accepted: false, anew: false };

/** Somebody else's version that came first, and what is to be done about it. */
function Conflict({ seen, theirs, onTake, onKeep }) {
  return html`<section class="conflict" role="alert" aria-label="Somebody was faster">
    <p><b>Somebody was faster: nothing of yours was written.</b></p>
    ${theirs
      ? html`<p class="faint">Theirs is version ${theirs.version}, by ${plain(theirs.author) || "nobody named"}${theirs.reason && `: ${plain(theirs.reason)}`}</p>
        <${Diff} before=${seen?.content ?? ""} after=${theirs.content} label="What they changed" />`
      : html`<p class="faint">They deleted the entry.</p>`}
    <div class="buttons start">
      ${theirs && html`<button type="button" class="button" onClick=${onTake}>Take theirs</button>`}
      <button type="button" class="button" onClick=${onKeep}>${theirs ? "Keep mine, to write over theirs" : "Keep mine, to create it again"}</button>
    </div></section>`;
}

async function current(name, signal) {
  try {
    return await get(name, 0, signal);
  } catch (error) {
    if (error.kind !== "key-not-found") throw error;
    return null;
  }
}

/** `base` is the entry that the writer has seen, null for none; `start` is what the text begins as. */
function Form({ place, base, start, fresh, there, newest, done, cancel }) {
  const begun = typed(start);
  const [seen, setSeen] = useState(base);
  const [name, setName] = useState(place.name || place.prefix);
  const [format, setFormat] = useState(base?.format ?? "");
  const [text, setText] = useState(begun.text);
  const [dos, setDos] = useState(begun.dos);
  const [sheet, setSheet] = useState(null); // what the form is made of, null while the text is in front
  const [edits, setEdits] = useState({});
  const [preview, setPreview] = useState(null);
  const [chosenStrategy, setStrategy] = useState(null);
  const [state, setState] = useState(IDLE);
  const problems = useProblems();
  const said = useSaid();
  // A write that may have been done is tried under the same name: it is done once.
  const write = useRef({ attempt: "", id: "" });
  // What stands here without anybody's typing, until what was typed is written or given up: null then.
  const untyped = useRef({ name, text: begun.text });
  const at = seen?.version ?? 0;
  const chosen = format || formatOf(name);
  // What is not there yet has nothing to go back to, and no node renders a schema.
  const rollable = at > 0 && !name.endsWith("@schema");
  const strategy = rollable ? chosenStrategy : null;
  const entry = (content) => ({ name, content, format: chosen, at });
  const overtaken = !state.working && state.theirs === undefined && (at ? there === false || newest?.version > at : newest);
  const changed = Object.keys(edits).length > 0;
  const chose = chosenStrategy !== null || format !== (seen?.format ?? "");
  const something = () => untyped.current && (changed || chose || said.reason || text !== untyped.current.text || name !== untyped.current.name);
  const held = useHeld((href) => something() && !(href && keeps(place, href)),
    html`<p>The editor of ${fresh ? "a new entry" : html`<code class="key-name">${plain(name)}</code>`} would close.</p>`);
  const letGo = () => (untyped.current = null);
  const alive = useRef(true);
  useEffect(() => () => (alive.current = false), []);

  /** The text with what the form changed in it: `{content, anew}`. */
  const settle = async () => {
    if (!changed) return { content: contentOf(text, dos), anew: false };
    const asked = Object.values(edits).map(({ place: where, json }) => ({ place: where, json }));
    const made = await draft({ name, content: contentOf(text, dos), format: chosen, edits: asked });
    // Then nothing was put into it.
    if (made.value === null) throw new Refused(422, { what: "the form’s changes do not fit into the text", why: made.problems.map((one) => one.text).join("\n"), kind: "unfit" });
    return { content: made.content, anew: made.anew };
  };
  const retype = (content) => {
    const now = typed(content);
    if (!now) throw new Refused(-1, { what: "this text is not to be edited here", why: "it is long, or has ends of lines that a page would change" });
    setText(now.text);
    setDos(now.dos);
    setEdits({});
    setPreview(null);
  };
  const look = async () => setState({ ...IDLE, theirs: await current(name) });
  const failed = async (word, error, content) => {
    if (error.kind === "compare-failed") await look();
    else if (error.kind === "unfit") {
      setState(IDLE);
      await problems.explain(error, () => draft({ name, content, format: chosen }));
    } else {
      // Without an answer it may have been done.
      const title = word !== WRITING ? "Not done" : [0, 504].includes(error.status) ? "Not certain" : "Not written";
      setState({ ...IDLE, refused: error, title });
    }
  };
  /** Do it with the content; what is refused is explained. */
  const attempt = async (word, act) => {
    if (state.working || !name) return;
    setState({ ...IDLE, working: word });
    let content = "";
    try {
      const made = await settle();
      ({ content } = made);
      await act(made);
    } catch (error) {
      await failed(word, error, content).catch((refused) => setState({ ...IDLE, refused }));
    }
  };
  const save = (event) => {
    event.preventDefault();
    problems.clear();
    return attempt(WRITING, async ({ content, anew }) => {
      if (anew) {
        // Comments would be lost: that is looked at before it is written.
        retype(content);
        setSheet(null);
        setState({ ...IDLE, anew: true });
        return;
      }
      const { author, reason } = said;
      const wanted = JSON.stringify([entry(content), author, reason, strategy]);
      if (write.current.attempt !== wanted) write.current = { attempt: wanted, id: newWrite() };
      const begun = strategy ? await startRollout({ ...entry(content), author, reason, strategy, id: write.current.id }) : null;
      if (!strategy) await change({ ...entry(content), author, reason, id: write.current.id });
      if (!alive.current) return; // somebody went elsewhere meanwhile
      const after = typeof done === "function" ? done(name) : done;
      letGo();
      navigate(begun?.rollout ? rolloutPath(name, begun.rollout.version) : after);
    });
  };
  const judge = () => {
    problems.clear();
    return attempt("Checking …", async ({ content }) => {
      await check(entry(content));
      setState({ ...IDLE, accepted: true });
    });
  };
  const compare = () => (preview ? setPreview(null) : attempt("Comparing …", async ({ content, anew }) => {
    setState(IDLE);
    setPreview({ content, anew });
  }));
  const toForm = () => attempt("Reading …", async ({ content }) => {
    const made = await draft({ name, content, format: chosen });
    setState(IDLE);
    problems.show(made.value === null ? made.problems : []);
    if (made.value !== null) setSheet(made);
    else if (!made.problems.length) throw new Refused(-1, { what: "a form cannot show all of this text", why: "it has values that JSON has no word for" });
  });
  const toText = (after = () => {}) => attempt("Reading …", async ({ content, anew }) => {
    retype(content);
    setSheet(null);
    problems.clear();
    setState({ ...IDLE, anew });
    after();
  });
  // A form is of one name and one format. What it changed goes into the text, or it would be written without being shown.
  const rename = (now) => {
    setName(now);
    if (sheet) void toText();
  };
  const reformat = (now) => (sheet ? toText(() => setFormat(now)) : setFormat(now));
  const take = (theirs, mine) => {
    try {
      if (!mine) {
        retype(theirs.content);
        untyped.current = { name, text: typed(theirs.content).text };
        setFormat(theirs.format);
        setSheet(null);
      }
      setSeen(theirs);
      setPreview(null);
      setState(IDLE);
    } catch (refused) {
      setState({ ...IDLE, refused });
    }
  };
  const type = (now) => {
    setText(now);
    setPreview(null);
    setState((old) => (old.accepted || old.anew ? { ...old, accepted: false, anew: false } : old));
  };
  const onEdit = (pointer, edit) => {
    setEdits(({ [pointer]: _, ...others }) => (edit ? { ...others, [pointer]: edit } : others));
    setPreview(null);
  };
  const unsaid = chosen === formatOf(name) || chosen === seen?.format ? "" : chosen;
  const command = CONFIG.put(name || "NAME", { at, format: unsaid, rollout: strategy && spelt(strategy), ...said });
  const invalid = Object.values(edits).some((edit) => edit.invalid);
  return html`<form class="editor" onSubmit=${save}>
    ${fresh && html`<label class="field-label">Name<input class="input mono" name="name" value=${name} autofocus autocomplete="off" spellcheck=${false} maxlength="200"
      placeholder="web/app.yaml" onInput=${(event) => rename(event.currentTarget.value)} /></label>`}
    <div class="value-tools"><span class="field-name" id="content-name">Content</span>
      <div class="tabs" role="group" aria-label="Written as">
        <button type="button" class="tab" aria-pressed=${String(!sheet)} onClick=${() => sheet && toText()}>Text</button>
        <button type="button" class="tab" aria-pressed=${String(Boolean(sheet))} disabled=${chosen === "text" || !name} onClick=${() => sheet || toForm()}>Form</button></div>
      <label class="faint">Format <select class="input small" aria-label="Format" value=${chosen} disabled=${Boolean(sheet && state.working)} onChange=${(event) => reformat(event.currentTarget.value)}>
        ${FORMATS.map((one) => html`<option key=${one} value=${one}>${one}</option>`)}</select></label>
      <span class="faint">${size(new Blob([text]).size)}${dos ? ", lines end as on Windows" : ""}</span></div>
    ${sheet
      ? html`<${SchemaForm} sheet=${sheet} name=${name} edits=${edits} onEdit=${onEdit} problems=${problems.list} busy=${Boolean(state.working)} />`
      : html`<${Lines} labelledby="content-name" describedby="content-problems" value=${text} onInput=${type} marked=${problems.lines} goto=${problems.goto} busy=${state.working === WRITING} />`}
    <${Problems} problems=${problems} inForm=${Boolean(sheet)} />
    ${state.accepted && html`<p class="good-text" role="status">No mistakes.</p>`}
    ${state.anew && html`<div class="banner warning" role="status"><p>The text had to be written anew: comments and layout of its own are gone. See what changes before you write it.</p></div>`}
    <${Said} said=${said} />
    ${rollable && html`<${RolloutChoice} strategy=${strategy} onChange=${setStrategy} />`}
    <p class="faint">${at ? html`Written only if the entry still has version <b class="figure">${at}</b>.` : "Written only if there is no such entry yet."}</p>
    ${overtaken && html`<div class="banner warning" role="status"><p>${newest ? `Version ${newest.version} was written meanwhile.` : "Deleted meanwhile."}</p>
      <button type="button" class="button" onClick=${() => look().catch((refused) => setState({ ...IDLE, refused }))}>See it</button></div>`}
    ${state.theirs !== undefined && html`<${Conflict} seen=${seen} theirs=${state.theirs} onTake=${() => take(state.theirs, false)} onKeep=${() => take(state.theirs, true)} />`}
    ${state.refused && html`<${Refusal} title=${state.title || "Not done"} error=${state.refused} />`}
    <div class="buttons">
      <span class="loading-word faint" role="status">${state.working}</span>
      <a class="button" href=${fresh ? cancel : done} onClick=${(event) => leadsAway(event) && letGo()}>Cancel</a>
      <button type="button" class="button" aria-pressed=${String(Boolean(preview))} disabled=${Boolean(state.working)} onClick=${compare}>See what changes</button>
      <button type="button" class="button" disabled=${Boolean(state.working) || !name} onClick=${judge}>Check</button>
      <button type="submit" class="button primary" disabled=${Boolean(state.working) || !name || invalid}>${strategy ? "Roll out" : at ? "Write" : "Create"}</button>
    </div>
    ${preview && html`<${Diff} before=${seen?.content ?? ""} after=${preview.content} label="What would change" />`}
    ${preview?.anew && html`<p class="faint">The text is written anew for it: comments and layout of its own go.</p>`}
    <${Command} text=${command} /><${Command} text=${CONFIG.validate(name || "NAME", unsaid)} />
    ${held}
  </form>`;
}

/** What begins with the content that the place shows; writes are compared with what the entry is now. */
export function ConfigEditor({ place, started, fresh = false, there, newest, done, cancel }) {
  const [base, setBase] = useState(null);
  const known = started?.known;
  useEffect(() => {
    if (fresh || base) return;
    if (there === false && !place.version) setBase({ seen: null, start: "" });
    else if (known?.current) setBase({ seen: known, start: known.content });
  }, [fresh, known, there]);
  const ask = !fresh && !base && known && !known.current && ((signal) => current(place.name, signal));
  const refused = useUntilAnswered(ask, [known], (seen) => setBase({ seen, start: known.content }));
  if (fresh) return html`<${Form} place=${place} base=${null} start="" fresh newest=${newest} done=${done} cancel=${cancel} />`;
  if (!base) {
    const error = refused ?? started.refused;
    return error ? html`<${Refusal} title="Not read" error=${error} />` : html`<p class="loading" role="status">Asking the agent …</p>`;
  }
  if (!typed(base.start)) {
    return html`<${Empty} title="This is not to be edited here">It is long, or has ends of lines that a page would change. Save it as a file, change it, and write it from there:<//>
      <${Command} text=${CONFIG.put(place.name, { at: base.seen?.version ?? 0 })} />
      <div class="buttons"><a class="button" href=${done}>Back</a></div>`;
  }
  return html`<${Form} place=${place} base=${base.seen} start=${base.start} there=${there} newest=${newest} done=${done} />`;
}
