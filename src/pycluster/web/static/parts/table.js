// A table of facts; on a phone each row becomes a card.
import { html } from "./html.js";

/** `heads` are the column's names, those of numbers with a "#" in front. */
export function Table({ label, heads, children }) {
  return html`<table class="plain" aria-label=${label}>
    <thead><tr>${heads.map((head) => (head.startsWith("#")
      ? html`<th key=${head} scope="col" class="numeric">${head.slice(1)}</th>`
      : html`<th key=${head} scope="col">${head}</th>`))}</tr></thead>
    <tbody>${children}</tbody>
  </table>`;
}

/** A cell under that name; a dash where there is nothing to say, which a card leaves out. */
export function Cell({ name, numeric = false, children }) {
  const blank = children === undefined || children === null || children === "" || children === false;
  return html`<td data-label=${name} class=${`${numeric ? "numeric" : ""} ${blank ? "blank" : ""}`}>
    ${blank ? html`<span class="faint">–</span>` : children}</td>`;
}
