// Boxes with a heading, empty states, and the command line's word for what is shown.
import { Icon } from "./glyphs.js";
import { html, useRef, useState } from "./html.js";

/** A titled box; `aside` stands at the right of its heading. */
export function Card({ title, aside, kind = "", children, id }) {
  return html`<section class=${`card ${kind}`} aria-labelledby=${id}>
    <header class="card-head"><h2 id=${id}>${title}</h2>${aside && html`<div class="card-aside">${aside}</div>`}</header>
    ${children}
  </section>`;
}

/** Nothing to show, and why. */
export function Empty({ title, children }) {
  return html`<div class="empty"><p class="empty-title">${title}</p>${children && html`<p>${children}</p>`}</div>`;
}

/** A view's heading, with the command that shows the same. */
export function Heading({ title, lead, command, children }) {
  return html`<div class="heading">
    <div class="heading-text"><h1>${title}</h1>${lead && html`<p class="lead">${lead}</p>`}${children}</div>
    ${command && html`<${Command} text=${command} />`}
  </div>`;
}

/** A command line with a button that copies it. */
export function Command({ text }) {
  const [said, say] = useState("");
  const timer = useRef(0);
  const copyIt = async () => {
    say((await copy(text)) ? "copied" : "not allowed: select and copy");
    clearTimeout(timer.current);
    timer.current = setTimeout(() => say(""), 2_000);
  };
  return html`<div class="command">
    <span class="prompt" aria-hidden="true">$</span><code>${text}</code>
    <button type="button" class="icon-button" title="Copy this command" aria-label=${`Copy the command ${text}`} onClick=${copyIt}>
      <${Icon} name=${said === "copied" ? "done" : "copy"} />
    </button>
    <span class="said" role="status">${said}</span>
  </div>`;
}

/** Put text into the clipboard; says whether it went. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text); // plain HTTP from another machine has no clipboard of its own
  }
}

function copyBySelection(text) {
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "off-screen";
  field.readOnly = true;
  const focused = document.activeElement;
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  focused?.focus();
  return done;
}

/** A value under its name. */
export function Fact({ name, children, wide = false }) {
  return html`<div class=${`fact ${wide ? "wide" : ""}`}><dt>${name}</dt><dd>${children}</dd></div>`;
}

/** key=value chips. */
export function Tags({ tags }) {
  const entries = Object.entries(tags);
  if (!entries.length) return null;
  return html`<span class="tags">${entries.map(([key, value]) => html`
    <span class="tag" key=${key}>${value === "" ? key : `${key}=${value}`}</span>`)}</span>`;
}

/** A box to type a filter into; `value` and `onInput` keep it in the address. `said` takes the place of the numbers. */
export function FilterBox({ label, value, onInput, shown, all, hint, said }) {
  return html`<div class="filter" role="search">
    <${Icon} name="search" />
    <input type="search" data-filter aria-label=${label} placeholder=${hint} value=${value} autocomplete="off" spellcheck=${false}
      maxlength="200" onInput=${(event) => onInput(event.currentTarget.value)}
      onKeyDown=${(event) => event.key === "Escape" && value && (event.preventDefault(), onInput(""))} />
    <span class="filter-count" role="status">${said ?? (shown < all ? `${shown} of ${all}` : all)}</span>
  </div>`;
}
