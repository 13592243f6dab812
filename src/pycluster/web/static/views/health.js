// The agent that serves this page: how far it trusts itself, and what it counted.
import { COMMANDS } from "../commands.js";
import { counters, health, self } from "../store.js";
import { At, Since } from "../parts/ages.js";
import { Card, Empty, Fact, Heading } from "../parts/cards.js";
import { StateGlyph } from "../parts/glyphs.js";
import { html } from "../parts/html.js";

const number = new Intl.NumberFormat("en");

/** The view. */
export function Health() {
  const here = self.value;
  const view = health.value;
  const state = { passing: "alive", warning: "suspect", critical: "down" }[view.status];
  const names = Object.keys(counters.value).sort();
  return html`<${Heading} title="This agent" command=${COMMANDS.health} />
    <div class="halves">
      <${Card} id="agent-health" title="Health" kind=${state === "down" ? "trouble" : ""}>
        <p class="big"><${StateGlyph} state=${state} />${view.status}<span class="unit">score ${view.score}</span></p>
        ${view.reasons.length
          ? html`<ul class="evidence-lines">${view.reasons.map((reason) => html`<li key=${reason}>${reason}</li>`)}</ul>`
          : html`<p class="faint">It hears and answers in time.</p>`}<//>
      <${Card} id="agent-facts" title="What it is"><dl class="facts grid">
        <${Fact} name="Node">${here.name}<//><${Fact} name="Cluster">${here.cluster}<//><${Fact} name="Version">${here.version}<//>
        <${Fact} name="Address"><code>${here.address}</code><//><${Fact} name="Up for"><${Since} us=${here.started_us} /><//>
        <${Fact} name="Started"><${At} us=${here.started_us} /><//><${Fact} name="UUID" wide><code class="uuid">${here.uuid}</code><//></dl><//>
    </div>
    <${Card} id="counters" title="Counted since its start" kind="flush" aside=${html`<a href="/metrics">for Prometheus</a>`}>${names.length
      ? html`<dl class="counters">${names.map((name) => html`
          <div key=${name}><dt>${name.replaceAll("_", " ")}</dt><dd>${number.format(counters.value[name])}</dd></div>`)}</dl>`
      : html`<${Empty} title="Nothing counted yet" />`}<//>`;
}
