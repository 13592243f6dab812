// One rollout: how far it is, node by node, and what people can do about it.
import { CONFIG } from "../commands.js";
import { OVER, LANE_STATES, ROLLOUT_KEYS, RUN_STATES, inWords, rollout, steer } from "../config/rollouts.js";
import { entryPath } from "../config/places.js";
import { newWrite } from "../http.js";
import { plain } from "../kv/bytes.js";
import { nodePath } from "../router.js";
import { At } from "../parts/ages.js";
import { Card, Command, Empty, Fact } from "../parts/cards.js";
import { Confirm } from "../parts/confirm.js";
import { useFollowed } from "../parts/followed.js";
import { StateGlyph } from "../parts/glyphs.js";
import { html, useState } from "../parts/html.js";
import { Refusal } from "../parts/refusal.js";
import { Cell, Table } from "../parts/table.js";
import { Track } from "../parts/track.js";
import { Named } from "./configentry.js";
import { VersionsDiff } from "./confighistory.js";
import { Said, useSaid } from "./configsaid.js";
import { WatchLine } from "./watchline.js";

const HEADS = ["Node", "Way", "State", "#Wanted", "#In place", "Since", "Released"];
const LANES_SHOWN = 300;

/** What can be done, in which states, and what it means. */
const STEERS = {
  pause: { word: "Pause", title: "Pause this rollout?", from: ["running"], about: "No more nodes get it. Those that have it already keep it, and those that were released go on." },
  resume: { word: "Resume", title: "Let this rollout go on?", from: ["paused"], about: "It goes on where it stopped. Nodes that failed until now are accepted as they are." },
  abort: { word: "Abort", title: "Abort this rollout?", from: ["running", "paused"], danger: true, about: "The content from before becomes a new version, and every node that has the new one goes back to it." },
};

/** A rollout's state in a sign and a word. */
export function RunState({ state }) {
  const { tone, word } = RUN_STATES[state] ?? RUN_STATES.running;
  return html`<span class=${`badge state-${tone}`}><${StateGlyph} state=${tone} />${word}</span>`;
}

function Asked({ view, to, onClose }) {
  const [id] = useState(newWrite);
  const said = useSaid();
  const { author, reason } = said;
  const { title, word, danger, about } = STEERS[to];
  const { name, version } = view;
  return html`<${Confirm} title=${title} word=${word} danger=${danger} command=${CONFIG.steer(to, name, version, said)} onClose=${onClose} onDone=${onClose}
      act=${() => steer({ name, version, to, author, reason, id })}>
    <p><code class="key-name">${name}</code> version ${version}</p><p class="faint">${about}</p><${Said} said=${said} /><//>`;
}

function Steers({ view }) {
  const [asked, setAsked] = useState("");
  const able = view.wish ? [] : Object.entries(STEERS).filter(([, { from }]) => from.includes(view.state));
  // What is asked stays open, whatever becomes of it meanwhile: the agent has the last word.
  return html`${view.wish === "abort" && !OVER.has(view.state) && html`<p class="faint">It was asked to stop; the leader does so in a moment.</p>`}
    ${able.length > 0 && html`<div class="buttons start">${able.map(([to, { word, danger }]) => html`
      <button type="button" key=${to} class=${`button ${danger ? "" : "primary"}`} onClick=${() => setAsked(to)}>${word} …</button>`)}</div>`}
    ${asked && html`<${Asked} key=${asked} view=${view} to=${asked} onClose=${() => setAsked("")} />`}`;
}

/** How many of the lanes are how far, as one bar. */
function Progress({ lanes }) {
  const order = ["good", "back", "changing", "returning", "failed", "waiting", "absent", "untouched", "gone"];
  const counts = order.map((state) => [state, lanes.filter((lane) => lane.state === state).length]).filter(([, count]) => count);
  let x = 0;
  return html`<div class="run-progress"><svg class="share" viewBox="0 0 100 4" preserveAspectRatio="none" role="img" aria-label=${counts.map(([state, count]) => `${count} ${LANE_STATES[state].word}`).join(", ")}>
      ${counts.map(([state, count]) => {
        const width = (100 * count) / lanes.length;
        x += width;
        return html`<rect key=${state} class=${`bar-${LANE_STATES[state].tone}`} x=${x - width} y="0" width=${width} height="4" />`;
      })}</svg>
    <ul class="counts">${counts.map(([state, count]) => html`<li key=${state} class=${`state-${LANE_STATES[state].tone}`}><${StateGlyph} state=${LANE_STATES[state].tone} /> ${count} ${LANE_STATES[state].word}</li>`)}</ul></div>`;
}

/** The batches in their order, and those whose turn comes: `[{batch, title, lanes}]`. */
function stagesOf(view) {
  const batches = [...new Set(view.lanes.map((lane) => lane.batch))].sort((a, b) => (a || Infinity) - (b || Infinity));
  return batches.map((batch) => ({
    batch,
    title: batch === 0 ? (OVER.has(view.state) || view.state === "rolling-back" ? "Never released" : "Not yet") : batch === 1 && view.strategy.canary > 0 ? "Canary" : `Batch ${batch}`,
    lanes: view.lanes.filter((lane) => lane.batch === batch),
  }));
}

function Stages({ view, stages }) {
  return html`<ol class="stages" aria-label="Stages">${stages.map(({ batch, title, lanes }) => {
    const good = lanes.filter((lane) => lane.state === "good").length;
    const failed = lanes.some((lane) => lane.state === "failed");
    const tone = failed ? "down" : batch && good === lanes.length ? "alive" : batch ? "moving" : "left";
    return html`<li key=${batch} class=${`stage state-${tone}`} aria-current=${batch > 0 && batch === view.batch && !OVER.has(view.state) ? "step" : undefined}>
      <${StateGlyph} state=${tone} /><b>${title}</b> <span class="faint">${batch ? `${good} of ${lanes.length}` : lanes.length}</span></li>`;
  })}</ol>`;
}

function Lane({ lane }) {
  const { tone, word, reached } = LANE_STATES[lane.state] ?? LANE_STATES.waiting;
  return html`<tr class=${lane.state === "failed" ? "row-down" : ""} data-lane=${lane.node}>
    <th scope="row"><a href=${nodePath(lane.node)}>${lane.node}</a></th>
    <${Cell} name="Way"><${Track} reached=${reached} tone=${tone} /><//>
    <${Cell} name="State"><span class=${`badge state-${tone}`}><${StateGlyph} state=${tone} />${word}</span>
      ${lane.problem && html`<span class="problem">${plain(lane.problem)}</span>`}<//>
    <${Cell} name="Wanted" numeric>${lane.wanted || null}<//>
    <${Cell} name="In place" numeric>${lane.placed || null}<//>
    <${Cell} name="Since">${lane.since_ms > 0 && html`<${At} wallMs=${lane.since_ms} />`}<//>
    <${Cell} name="Released">${lane.released_ms > 0 && html`<${At} wallMs=${lane.released_ms} />`}<//></tr>`;
}

function Lanes({ stages }) {
  const [whole, setWhole] = useState(false);
  const count = stages.reduce((sum, stage) => sum + stage.lanes.length, 0);
  let room = whole ? count : LANES_SHOWN;
  return html`<div class="lanes"><${Table} label="Nodes" heads=${HEADS}>${stages.flatMap(({ batch, title, lanes }) => {
      const shown = lanes.slice(0, Math.max(room, 0));
      room -= shown.length;
      if (!shown.length) return [];
      return [html`<tr key=${`stage ${batch}`} class="group"><th scope="rowgroup" colspan=${HEADS.length}>${title}</th></tr>`,
        ...shown.map((lane) => html`<${Lane} key=${lane.node} lane=${lane} />`)];
    })}<//></div>
    ${!whole && count > LANES_SHOWN && html`<p class="cut"><button type="button" class="button" onClick=${() => setWhole(true)}>Show all ${count} nodes</button></p>`}`;
}

function Facts({ view }) {
  return html`<dl class="facts grid">
    <${Fact} name="Version">${view.before} → <b>${view.version}</b><//>
    <${Fact} name="Begun"><${At} wallMs=${view.at_ms} /><//>
    ${view.ended_ms > 0 && html`<${Fact} name="Ended"><${At} wallMs=${view.ended_ms} /><//>`}
    <${Fact} name="By">${plain(view.author) || html`<span class="faint">nobody named</span>`}<//>
    ${view.result > 0 && html`<${Fact} name="In force since then">version ${view.result}<//>`}
    ${view.soak_until_ms > 0 && html`<${Fact} name="The next batch waits until"><${At} wallMs=${view.soak_until_ms} /><//>`}
    <${Fact} name="Reason" wide>${plain(view.reason) || html`<span class="faint">none given</span>`}<//>
    <${Fact} name="How" wide>${inWords(view.strategy)}<//></dl>`;
}

function Whole({ view }) {
  const [compared, setCompared] = useState(false);
  const stages = stagesOf(view);
  const trouble = ["paused", "rolling-back", "rolled-back"].includes(view.state) && view.why;
  return html`<p class="big"><${RunState} state=${view.state} /><span class="unit">${view.total ? `${view.good} of ${view.total} nodes have it` : "not begun yet"}</span></p>
    ${view.why && html`<div class=${`banner ${trouble && !view.by ? "refusal" : "note"}`} role="status"><p>${plain(view.why)}${view.by && html` <span class="faint">(${plain(view.by)})</span>`}</p></div>`}
    ${view.lanes.length > 0 && html`<${Progress} lanes=${view.lanes} /><${Stages} view=${view} stages=${stages} />`}
    <${Facts} view=${view} />
    <${Steers} view=${view} />
    <div class="buttons start"><button type="button" class="button" aria-pressed=${String(compared)} onClick=${() => setCompared(!compared)}>What it changes</button>
      <a class="button" href=${entryPath(view.name, { history: true })}>The entry</a></div>
    ${compared && html`<${VersionsDiff} name=${view.name} from=${view.before} to=${view.version} />`}
    <${Command} text=${CONFIG.rollout(view.name, view.version)} />`;
}

/** The rollout of that version of the entry, 0: the newest one. */
export function Rollout({ name, version, close }) {
  const { page, refused } = useFollowed({ name: `rollout ${name} ${version}`, group: name, ...ROLLOUT_KEYS, load: (signal) => rollout(name, version, signal) });
  const view = page?.view;
  return html`<div class="stack"><${Card} id="the-rollout" title="Rollout" kind="headless rollout">
      <${Named} title=${name} close=${close} />
      <${WatchLine} command="" revision=${page?.revision} />
      ${refused && html`<${Refusal} title=${page ? "Not read anew" : "Not read"} error=${refused} />`}
      ${!page && !refused && html`<p class="loading" role="status">Asking the agent …</p>`}
      ${page && !view && html`<${Empty} title="There is no such rollout">A hundred that are over are kept.<//>`}
      ${view && html`<${Whole} view=${view} />`}<//>
    ${view?.lanes.length > 0 && html`<${Card} id="lanes" title="Node by node" kind="flush"><${Lanes} stages=${stagesOf(view)} /><//>`}</div>`;
}
