// How a change comes to the nodes: to all of them now, or to some at a time.
import { STRATEGY, inWords } from "../config/rollouts.js";
import { html } from "../parts/html.js";

const NUMBERS = { canary: [0, 100_000], batch: [1, 100_000], percent: [1, 100], soak_s: [0, 86_400], timeout_s: [1, 86_400], failures: [0, 100_000] };

function Figure({ name, label, strategy, onChange }) {
  const [least, most] = NUMBERS[name];
  return html`<label class="field-label">${label}<input class="input" type="number" name=${name} min=${least} max=${most} step="1" required value=${strategy[name]}
    onInput=${(event) => event.currentTarget.validity.valid && onChange({ ...strategy, [name]: Number(event.currentTarget.value) })} /></label>`;
}

/** `strategy` is null for all nodes now; `onChange` gets another one. */
export function RolloutChoice({ strategy, onChange }) {
  const pace = strategy && (strategy.batch ? "batch" : strategy.percent ? "percent" : "all");
  const paces = { batch: { batch: 1, percent: 0 }, percent: { batch: 0, percent: 25 }, all: { batch: 0, percent: 0 } };
  return html`<fieldset class="form-group rollout-choice"><legend>How it comes to the nodes</legend>
    <div class="tabs" role="group" aria-label="How it comes to the nodes">
      <button type="button" class="tab" aria-pressed=${String(!strategy)} onClick=${() => onChange(null)}>To all, now</button>
      <button type="button" class="tab" aria-pressed=${String(Boolean(strategy))} onClick=${() => strategy || onChange(STRATEGY)}>Rolled out</button></div>
    ${strategy && html`<div class="figures">
        <${Figure} name="canary" label="Nodes first (canary)" strategy=${strategy} onChange=${onChange} />
        <label class="field-label">Then<select class="input" name="pace" aria-label="Then" value=${pace} onChange=${(event) => onChange({ ...strategy, ...paces[event.currentTarget.value] })}>
          <option value="percent">in shares</option><option value="batch">in batches</option><option value="all">all others</option></select></label>
        ${pace === "percent" && html`<${Figure} name="percent" label="Share, %" strategy=${strategy} onChange=${onChange} />`}
        ${pace === "batch" && html`<${Figure} name="batch" label="Nodes at a time" strategy=${strategy} onChange=${onChange} />`}
        <${Figure} name="soak_s" label="Seconds between" strategy=${strategy} onChange=${onChange} />
        <${Figure} name="timeout_s" label="Seconds for a node" strategy=${strategy} onChange=${onChange} />
        <${Figure} name="failures" label="Failures accepted" strategy=${strategy} onChange=${onChange} />
        <label class="field-label">Past them<select class="input" name="on_failure" aria-label="Past them" value=${strategy.on_failure} onChange=${(event) => onChange({ ...strategy, on_failure: event.currentTarget.value })}>
          <option value="rollback">go back</option><option value="pause">pause</option></select></label></div>
      <p class="faint">${inWords(strategy)}.</p>`}</fieldset>`;
}
