// How this node reaches the others.
import { COMMANDS } from "../commands.js";
import { members } from "../store.js";
import { Card, Heading } from "../parts/cards.js";
import { StateGlyph, Star } from "../parts/glyphs.js";
import { html } from "../parts/html.js";
import { Ring } from "../parts/ring.js";

/** The view. */
export function Topology() {
  return html`<${Heading} title="Topology" command=${COMMANDS.topology}
      lead="This node in the middle, the others around it by zone and name; the stronger a line, the shorter its round trip." />
    <${Card} id="ring" title="Links of this node" kind="headless"><${Ring} nodes=${members.value} />
      <ul class="legend" aria-label="Signs">
        ${["alive", "suspect", "down", "left", "unknown"].map((state) => html`<li key=${state}><${StateGlyph} state=${state} />${state}</li>`)}
        <li><${Star} />leader</li><li><span class="link-sample near"></span>under 1 ms</li>
        <li><span class="link-sample middle"></span>under 20 ms</li><li><span class="link-sample far"></span>slower</li>
        <li><span class="link-sample broken"></span>no answer</li>
      </ul><//>`;
}
