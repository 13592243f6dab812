// A list of events, newest first.
import { KINDS } from "../kinds.js";
import { nodePath } from "../router.js";
import { At } from "./ages.js";
import { Empty } from "./cards.js";
import { ToneGlyph } from "./glyphs.js";
import { html, useMemo } from "./html.js";

function Item({ event, brief }) {
  return useMemo(() => html`<li class=${`event tone-${KINDS[event.kind] ?? "quiet"}`}>
    <${At} us=${event.at_us} wallMs=${event.wall_ms} />
    <span class="event-sign"><${ToneGlyph} tone=${KINDS[event.kind]} /></span>
    <span class="event-text">${event.text}</span>
    ${!brief && html`<span class="event-facts"><span class="kind">${event.kind}</span>
      ${event.term > 0 && html`<span class="faint">term ${event.term}</span>`}
      ${event.node && html`<a href=${nodePath(event.node)}>${event.node}</a>`}</span>`}
  </li>`, [event, brief]);
}

/** `brief`: the words only; `none` is what to say where there are no events. */
export function EventList({ events, brief = false, label, none = "No events yet", children }) {
  if (!events.length) return html`<${Empty} title=${none}>${children}<//>`;
  return html`<ol class=${`event-list ${brief ? "brief" : ""}`} aria-label=${label}>
    ${events.map((event) => html`<${Item} key=${event.key} event=${event} brief=${brief} />`)}
  </ol>`;
}
