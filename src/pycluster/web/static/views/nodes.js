// All nodes.
import { COMMANDS } from "../commands.js";
import { parameter, setParameters } from "../router.js";
import { counts } from "../store.js";
import { Card, Heading } from "../parts/cards.js";
import { StateGlyph } from "../parts/glyphs.js";
import { html } from "../parts/html.js";
import { FilteredNodes } from "../parts/nodes-table.js";

/** The view. */
export function Nodes() {
  const filter = parameter("q");
  return html`<${Heading} title="Nodes" command=${COMMANDS.nodes} />
    <div class="chips" role="group" aria-label="By state">${Object.entries(counts.value).map(([state, count]) => {
      const mine = `state:${state}`;
      return html`<button type="button" key=${state} class="chip" aria-pressed=${String(filter === mine)}
        onClick=${() => setParameters({ q: filter === mine ? "" : mine })}>
        <${StateGlyph} state=${state} />${state} <b>${count}</b></button>`;
    })}</div>
    <${Card} id="all-nodes" title="All nodes" kind="flush headless"><${FilteredNodes} /><//>`;
}
