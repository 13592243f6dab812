// The files that agents render on their machines: what is in place since when, or why not.
import { CONFIG } from "../commands.js";
import { render, rendered } from "../config/asking.js";
import { entryPath } from "../config/places.js";
import { plain } from "../kv/bytes.js";
import { self, snapshots } from "../store.js";
import { At } from "../parts/ages.js";
import { Card, Command, Empty } from "../parts/cards.js";
import { Dialog } from "../parts/dialog.js";
import { Diff } from "../parts/diff.js";
import { StateGlyph } from "../parts/glyphs.js";
import { html, useEffect, useState } from "../parts/html.js";
import { Refusal } from "../parts/refusal.js";
import { Cell, Table } from "../parts/table.js";
import { NodeFiles } from "./nodefiles.js";

/** How each state looks, and its word. */
export const FILE_STATES = {
  "in-place": { tone: "alive", word: "in place" },
  failed: { tone: "down", word: "failed" },
  waiting: { tone: "suspect", word: "waiting" },
  elsewhere: { tone: "left", word: "not for this node" },
};
const DID = { written: "Written.", unchanged: "It is what it should be.", reloaded: "It is what it should be; its reload was made.", "would-change": "It would change." };
const HEADS = ["File", "State", "Wanted", "In place", "Since", "From", "Do"];

/** This node's files, asked again with every snapshot of the stream and whenever `turn` changes. */
function useFiles(turn) {
  const [state, setState] = useState({ view: null, refused: null });
  const news = snapshots.value;
  useEffect(() => {
    const cut = new AbortController();
    rendered(cut.signal).then(
      (view) => setState({ view, refused: null }),
      (error) => error.name === "AbortError" || setState((old) => ({ ...old, refused: error })),
    );
    return () => cut.abort();
  }, [news, turn]);
  return state;
}

/** A file's state in a word and a sign. */
export function FileState({ state }) {
  const { tone, word } = FILE_STATES[state] ?? FILE_STATES.waiting;
  return html`<span class=${`badge state-${tone}`}><${StateGlyph} state=${tone} />${word}</span>`;
}

/** What would come of rendering it now, and doing so. */
function Rendering({ file, onClose, onDone }) {
  const [state, setState] = useState({ working: true, refused: null, made: null });
  const ask = (look) => {
    setState((old) => ({ ...old, working: true, refused: null }));
    render(file.name, look).then(
      (made) => {
        setState({ working: false, refused: null, made });
        if (!look) onDone();
      },
      (refused) => setState((old) => ({ ...old, working: false, refused })),
    );
  };
  useEffect(() => ask(true), []);
  const { working, refused, made } = state;
  return html`<${Dialog} kind="sheet wide-sheet" label=${`Render ${file.name}`} onClose=${onClose}><div class="sheet-box confirm"><h2>Render ${file.name}</h2>
    <p class="faint"><code>${file.destination}</code> on ${self.value.name}</p>
    ${made && html`<p><b>${DID[made.did]}</b></p>${made.withheld ? html`<p class="faint">What is in it is not shown: ${plain(made.withheld)}</p>` : html`<${Diff} before=${made.before ?? ""} after=${made.content} label="What changes in the file" />`}`}
    ${refused && html`<${Refusal} title="Not rendered" error=${refused} />`}
    <${Command} text=${CONFIG.look(file.name)} /><${Command} text=${CONFIG.render(file.name)} />
    <div class="buttons"><span class="faint" role="status">${working ? "Asking the agent …" : ""}</span>
      <button type="button" class="button" autofocus onClick=${onClose}>Close</button>
      <button type="button" class="button primary" disabled=${working} onClick=${() => ask(false)}>Put it in place</button></div></div><//>`;
}

function File({ file, onAsk }) {
  const entry = file.version > 0 && !file.source.startsWith("/");
  return html`<tr class=${file.state === "failed" ? "row-down" : ""} data-file=${file.name}>
    <th scope="row">${file.name}<code class="destination">${file.destination}</code></th>
    <${Cell} name="State"><${FileState} state=${file.state} />
      ${file.problem && html`<span class="problem">${plain(file.problem)}${file.retry_ms > 0 && html`<span class="faint">, tried again at <${At} wallMs=${file.retry_ms} /></span>`}</span>`}<//>
    <${Cell} name="Wanted"><code>${file.wanted}</code><//>
    <${Cell} name="In place"><code>${file.placed}</code><//>
    <${Cell} name="Since">${file.since_ms > 0 && html`<${At} wallMs=${file.since_ms} />`}<//>
    <${Cell} name="From">${entry ? html`<a href=${entryPath(file.source)}>${file.source}</a> <span class="faint">version ${file.version}</span>` : html`<code>${file.source}</code>`}<//>
    <${Cell} name="Do">${file.state !== "elsewhere" && html`<button type="button" class="button small" aria-label=${`Render ${file.name}`} onClick=${() => onAsk(file)}>Render …</button>`}<//></tr>`;
}

/** The view. */
export function RenderedFiles() {
  const [turn, setTurn] = useState(0);
  const [asked, setAsked] = useState(null);
  const { view, refused } = useFiles(turn);
  return html`<${NodeFiles} />
    <${Card} id="rendered-files" title=${`On ${self.value.name}, whose agent is asked`} kind="flush">
    ${refused && html`<div class="in-card"><${Refusal} title="Not read" error=${refused} /></div>`}
    ${!view && !refused && html`<p class="loading in-card" role="status">Asking the agent …</p>`}
    ${view && (view.files.length
      ? html`<${Table} label="Rendered files" heads=${HEADS}>${view.files.map((file) => html`<${File} key=${file.name} file=${file} onAsk=${setAsked} />`)}<//>`
      : html`<${Empty} title="This node renders no files">A section <code>[template NAME]</code> in its <code>cluster.conf</code> says what to render.<//>`)}
    ${asked && html`<${Rendering} file=${asked} onClose=${() => setAsked(null)} onDone=${() => setTurn(turn + 1)} />`}<//>`;
}
