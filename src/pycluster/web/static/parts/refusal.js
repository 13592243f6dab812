// What an agent refused, why, and what to do, in its own words.
import { html } from "./html.js";

/** `error` is what was thrown. */
export function Refusal({ error, title = "Refused" }) {
  const lines = [error.why, error.remedy].filter(Boolean);
  return html`<div class="banner refusal" role="alert"><div>
    <p><b>${title}:</b> ${error.what ?? error.message}</p>
    ${lines.map((line) => html`<p key=${line} class="because">${line}</p>`)}</div></div>`;
}
