// Keyboard shortcuts, and the sheet that lists them.
import { signal } from "@preact/signals";
import { navigate } from "../router.js";
import { Dialog } from "./dialog.js";
import { html } from "./html.js";
import { PAGES } from "./nav.js";
import { searching } from "./palette.js";
import { turnTheme } from "./theme.js";

const helping = signal(false);
const SEQUENCE_MS = 1_500;
let wentAt = 0;

function typing(target) {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

function act(event) {
  const page = performance.now() - wentAt < SEQUENCE_MS && PAGES.find((entry) => entry.key === event.key);
  wentAt = 0;
  if (page) navigate(page.href);
  else if (event.key === "g") wentAt = performance.now();
  else if (event.key === "?") helping.value = true;
  else if (event.key === "d") turnTheme();
  else if (event.key === "/" && document.querySelector("[data-filter]")) document.querySelector("[data-filter]").focus();
  else if (event.key === "/") searching.value = true;
  else return;
  event.preventDefault();
}

function onKeyDown(event) {
  if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k") {
    event.preventDefault();
    helping.value = false;
    searching.value = !searching.value;
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || searching.value || helping.value || typing(event.target)) return;
  act(event);
}

/** Listen, once. */
export function startShortcuts() {
  addEventListener("keydown", onKeyDown);
}

function Sheet() {
  const close = () => (helping.value = false);
  const rows = [
    [["Ctrl", "K"], "Search nodes, keys and pages"],
    [["/"], "Filter this page"],
    [["Esc"], "Clear the filter, close what is open"],
    [["d"], "Dark, light, or as the system has it"],
    [["?"], "This sheet"],
    ...PAGES.map((entry) => [["g", entry.key], entry.name]),
  ];
  return html`<${Dialog} kind="sheet" label="Keyboard shortcuts" onClose=${close}>
    <div class="sheet-box"><h2>Keyboard shortcuts</h2>
      <dl class="keys">${rows.map(([keys, text]) => html`<div key=${text}>
        <dt>${keys.map((key) => html`<kbd key=${key}>${key}</kbd>`)}</dt><dd>${text}</dd></div>`)}</dl>
      <button type="button" class="button" autofocus onClick=${close}>Close</button></div>
  <//>`;
}

/** The sheet of shortcuts, while it is open. */
export function Shortcuts() {
  return helping.value ? html`<${Sheet} />` : null;
}
