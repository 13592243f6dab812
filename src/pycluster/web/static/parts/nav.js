// The pages, and the banners above them.
import { timeOfDay } from "../clock.js";
import { page } from "../router.js";
import { connection, counts, events, heardAt, members, trouble, warnings } from "../store.js";
import { retryNow } from "../stream.js";
import { Icon } from "./glyphs.js";
import { html } from "./html.js";

/** Every page: its address, name, drawing, and the key after `g`. */
export const PAGES = [
  { href: "/", page: "", name: "Overview", icon: "overview", key: "o" },
  { href: "/nodes", page: "nodes", name: "Nodes", icon: "nodes", key: "n" },
  { href: "/elections", page: "elections", name: "Elections", icon: "elections", key: "l" },
  { href: "/raft", page: "raft", name: "Raft", icon: "quorum", key: "r" },
  { href: "/keys", page: "keys", name: "Keys", icon: "keys", key: "k" },
  { href: "/configuration", page: "configuration", name: "Configuration", icon: "configuration", key: "c" },
  { href: "/topology", page: "topology", name: "Topology", icon: "topology", key: "t" },
  { href: "/events", page: "events", name: "Events", icon: "events", key: "e" },
  { href: "/health", page: "health", name: "This agent", icon: "health", key: "h" },
  { href: "/settings", page: "settings", name: "Settings", icon: "settings", key: "s" },
];

function badge(entry) {
  if (entry.page === "nodes" && counts.value) {
    const { down, suspect } = counts.value;
    const all = members.value.length;
    if (down + suspect === 0) return html`<span class="nav-count">${all}</span>`;
    return html`<span class="nav-count warn" title=${`${down} down, ${suspect} suspect`}>${down + suspect} of ${all}</span>`;
  }
  if (entry.page === "events" && events.value.length) return html`<span class="nav-count">${events.value.length}</span>`;
  return null;
}

/** The list of pages. */
export function Nav({ open }) {
  return html`<nav id="nav" class=${`nav ${open ? "open" : ""}`} aria-label="Pages">
    <ul>${PAGES.map((entry) => html`<li key=${entry.href}><a href=${entry.href} aria-current=${entry.page === page.value ? "page" : undefined}>
      <${Icon} name=${entry.icon} />${entry.name}${badge(entry)}</a></li>`)}</ul>
    <p class="nav-foot">Press <kbd>?</kbd> for shortcuts</p>
  </nav>`;
}

/** Says when what is shown is old. */
export function StaleBanner() {
  if (connection.value === "live") return null;
  if (connection.value === "connecting" && !trouble.value) return null;
  const text = heardAt.value ? `Live stream lost, showing data from ${timeOfDay(heardAt.value)}, retrying` : "No live stream yet, retrying";
  return html`<div class="banner stale" role="alert"><p>${text}${trouble.value && html`<span class="because"> (${trouble.value})</span>`}</p>
    <button type="button" class="button" onClick=${retryNow}>Try now</button></div>`;
}

/** What the agent wants its operator to know, where an operator looks for it. */
export function Warnings() {
  if (!warnings.value.length || !["", "health", "settings"].includes(page.value)) return null;
  return html`<div class="banner warning" role="status"><ul>${warnings.value.map((text) => html`<li key=${text}>${text}</li>`)}</ul></div>`;
}
