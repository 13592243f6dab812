// The bar on top: whose view this is, who leads, whether there is a quorum, whether the page is live.
import { nodePath } from "../router.js";
import { connection, counts, heardAt, leader, quorum, self } from "../store.js";
import { Since } from "./ages.js";
import { timeOfDay } from "../clock.js";
import { Icon, Star, StateGlyph } from "./glyphs.js";
import { html } from "./html.js";
import { searching } from "./palette.js";
import { quorumState } from "./quorum-seats.js";
import { theme, turnTheme } from "./theme.js";

const BADGES = {
  connecting: ["unknown", "Connecting"],
  live: ["alive", "Live"],
  lost: ["down", "Not live"],
};

/** Whether what is shown is now. */
function Connection() {
  const [state, word] = BADGES[connection.value];
  return html`<span class=${`pill state-${state} connection-${connection.value}`} data-connection=${connection.value}
    title=${heardAt.value ? `Last news at ${timeOfDay(heardAt.value)}` : "No news yet"}><${StateGlyph} state=${state} />${word}</span>`;
}

function Leads() {
  const view = leader.value;
  if (!view) return null;
  if (!view.leader) {
    const state = quorum.value.phase === "waiting" ? "suspect" : "down";
    return html`<a class=${`pill state-${state}`} href="/elections" title=${view.reason}><${StateGlyph} state=${state} />No leader</a>`;
  }
  return html`<span class="leads-line"><${Star} /><span class="leads-word">Leader</span>${" "}
    <a href=${nodePath(view.leader)} class="leader-name">${view.leader}</a>${" "}
    <span class="faint">term ${view.term} · <${Since} us=${view.since_us} /></span></span>`;
}

function Quorate() {
  if (!quorum.value) return null;
  const { tone, word } = quorumState(quorum.value);
  return html`<a class=${`pill state-${tone}`} href="/raft"><${StateGlyph} state=${tone} />${word}</a>`;
}

/** The header. */
export function Header({ menu, onMenu }) {
  const here = self.value;
  return html`<header class="bar">
    <button type="button" class="icon-button menu-button" aria-expanded=${String(menu)} aria-controls="nav"
      aria-label="Menu" onClick=${onMenu}><${Icon} name=${menu ? "close" : "menu"} /></button>
    <a class="brand" href="/"><img src="/static/favicon.svg" alt="" width="22" height="22" />
      <span class="cluster-name">${here ? here.cluster : "PyCluster"}</span></a>
    ${here && html`<span class="seen-from">seen from <a href=${nodePath(here.name)}>${here.name}</a></span>`}
    <span class="bar-facts"><${Leads} /><${Quorate} /></span>
    <${Connection} />
    <button type="button" class="search-button" aria-keyshortcuts="Control+K Meta+K" onClick=${() => (searching.value = true)}>
      <${Icon} name="search" /><span>Search</span><kbd>Ctrl K</kbd></button>
    <button type="button" class="icon-button" aria-label=${`Theme: ${theme.value}. Change`} title=${`Theme: ${theme.value}`}
      onClick=${turnTheme}><${Icon} name=${theme.value} /></button>
  </header>`;
}

/** The document's title: trouble first, since it may be all that a tab shows. */
export function titleText() {
  const here = self.value;
  if (!here) return "PyCluster";
  const down = counts.value.down ? `${counts.value.down} down · ` : "";
  const headless = leader.value.leader ? "" : "no leader · ";
  const lost = connection.value === "lost" ? "not live · " : "";
  return `${lost}${headless}${down}${here.cluster} · ${here.name}`;
}
