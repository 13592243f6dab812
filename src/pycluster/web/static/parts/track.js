// A node's way in a rollout: from the version before over its release to the new one in place.
import { html } from "./html.js";

const STOPS = [8, 60, 112];

/** `reached` of the three stops, 0 to 2; `tone` as of a state. */
export function Track({ reached, tone }) {
  return html`<svg class=${`track state-${tone}`} viewBox="0 0 120 12" width="120" height="12" aria-hidden="true">
    <path class="way" d="M8 6H112" /><path class="went" d=${`M8 6H${STOPS[reached]}`} />
    ${STOPS.map((x, at) => html`<circle key=${x} class=${at < reached ? "passed" : at === reached ? "at" : "ahead"} cx=${x} cy="6" r=${at === reached ? 5 : 3.5} />`)}</svg>`;
}
