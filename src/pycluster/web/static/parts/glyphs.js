// Signs: every state has a shape of its own and its word beside it, so that nothing is told by colour alone.
import { html } from "./html.js";

const SHAPES = {
  alive: () => html`<circle cx="8" cy="8" r="6" class="fill" />`,
  suspect: () => html`<path d="M8 1.5 15 14H1Z" class="fill" /><path d="M8 6v4M8 11.6v.9" class="cut" />`,
  down: () => html`<rect x="2" y="2" width="12" height="12" rx="1.5" class="fill" /><path d="m5.2 5.2 5.6 5.6m0-5.6-5.6 5.6" class="cut" />`,
  left: () => html`<circle cx="8" cy="8" r="5.5" class="line" /><path d="M5 8h6" class="line" />`,
  unknown: () => html`<circle cx="8" cy="8" r="5.5" class="line dashed" />`,
};

/** The inside of a state's sign, for a drawing of 16 by 16. */
export function stateShape(state) {
  return (SHAPES[state] ?? SHAPES.unknown)();
}

/** A state's sign. */
export function StateGlyph({ state }) {
  return html`<svg class=${`glyph state-${state}`} viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">${stateShape(state)}</svg>`;
}

/** A state's sign and word. */
export function StateBadge({ state }) {
  return html`<span class=${`badge state-${state}`}><${StateGlyph} state=${state} />${state}</span>`;
}

/** The inside of the leader's sign. */
export function starShape() {
  return html`<path d="m8 1 2.1 4.6 5 .6-3.7 3.4 1 4.9L8 12l-4.4 2.5 1-4.9L.9 6.2l5-.6Z" class="fill star" />`;
}

/** The leader's star. */
export function Star() {
  return html`<svg class="glyph star" viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">${starShape()}</svg>`;
}

/** What a node does, in words; the leader with its star. */
export function Role({ role }) {
  if (role === "leader") return html`<span class="role leads"><${Star} />leader</span>`;
  return html`<span class=${`role ${role === "unknown" ? "faint" : ""}`}>${role}</span>`;
}

const TONES = { good: "alive", warn: "suspect", bad: "down", quiet: "left" };

/** The sign of an event's tone. */
export function ToneGlyph({ tone }) {
  return tone === "lead" ? html`<${Star} />` : html`<${StateGlyph} state=${TONES[tone] ?? "left"} />`;
}

const RING = "a1.8 1.8 0 1 1 0 3.6 1.8 1.8 0 0 1 0-3.6Z";
const ICONS = {
  overview: "M2 2h5v6H2zM9 2h5v3.5H9zM9 7.5h5V14H9zM2 10h5v4H2z",
  nodes: "M2 2.5h12v4H2zM2 9.5h12v4H2zM4.5 4.5h.01M4.5 11.5h.01",
  elections: "m8 1.5 1.9 4.2 4.6.5-3.4 3.1 1 4.5L8 11.5l-4.1 2.3 1-4.5L1.5 6.2l4.6-.5Z",
  quorum: `M8 2.2${RING}M3.4 9${RING}M12.6 9${RING}M6.9 5.7 4.6 9M9.1 5.7 11.4 9M5.4 10.8h5.2`,
  topology: "M8 6.3a1.7 1.7 0 1 1 0 3.4 1.7 1.7 0 0 1 0-3.4ZM8 6.3V2M9.6 7.5l4-1.6M9 9.4l2.6 3.6M7 9.4 4.4 13M6.4 7.5l-4-1.6",
  events: "M3 3.5h.01M3 8h.01M3 12.5h.01M6 3.5h8M6 8h8M6 12.5h5",
  health: "M1.5 8.5h3l2-5 3 9 2-4h3",
  settings: `M2 4.5h6M12 4.5h2M2 11.5h2M8 11.5h6M10 2.7${RING}M6 9.7${RING}`,
  search: "M7 2.5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9ZM10.3 10.3 14 14",
  light: "M8 5a3 3 0 1 1 0 6 3 3 0 0 1 0-6ZM8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1.1 1.1M11.9 11.9 13 13M3 13l1.1-1.1M11.9 4.1 13 3",
  dark: "M13.5 9.8A6 6 0 0 1 6.2 2.5a6 6 0 1 0 7.3 7.3Z",
  auto: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2ZM8 2v12",
  menu: "M2 4h12M2 8h12M2 12h12",
  copy: "M5.5 5.5h8v8h-8zM3 10.5h-.5v-8h8V3",
  done: "m3 8.5 3.2 3.2L13 4.8",
  keys: "M5 8.2a2.6 2.6 0 1 1 .01 0M7 6.5l6.5 6.5M11 10.5l-1.5 1.5M13 12.5 11.8 13.7",
  configuration: "M3.5 1.8h6l3 3v9.4h-9zM9.3 1.8v3.2h3.2M5.8 8h4.4M5.8 10.8h4.4",
  tree: "M3 2.5v9.5h4M3 6.5h4M9 5h5v3H9zM9 10.5h5v3H9z",
  plus: "M8 3v10M3 8h10",
  folder: "M1.8 3.5h4l1.5 2h7v7H1.8z",
  save: "M8 2v7.5M4.8 6.5 8 9.7l3.2-3.2M2.5 13h11",
  back: "M13 8H3m4-4.5L2.5 8 7 12.5",
  close: "m3.5 3.5 9 9m0-9-9 9",
};

/** A line drawing of 16 by 16 that says nothing to a screen reader. */
export function Icon({ name }) {
  return html`<svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true"><path d=${ICONS[name]} /></svg>`;
}
