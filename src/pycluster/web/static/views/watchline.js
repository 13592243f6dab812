// Whether what is shown of the state is now, and how far the watch has come.
import { span, shown as now } from "../clock.js";
import { changedAt, watchState, watchTrouble, watchedTo } from "../kv/watching.js";
import { connection, leader } from "../store.js";
import { Command } from "../parts/cards.js";
import { StateGlyph } from "../parts/glyphs.js";
import { html } from "../parts/html.js";

const SIGNS = {
  live: { tone: "alive", word: "Watching" },
  waiting: { tone: "suspect", word: "Waiting for a leader" },
  lost: { tone: "down", word: "Not live" },
  connecting: { tone: "unknown", word: "Connecting" },
};

/** `command` watches the same, `revision` is what is shown. */
export function WatchLine({ command, revision }) {
  const state = connection.value === "lost" || watchState.value === "paused" ? "lost" : watchState.value;
  // Without a leader the watch stands, and nothing can come.
  const { tone, word } = SIGNS[state === "live" && !leader.value.leader ? "waiting" : state] ?? SIGNS.connecting;
  const age = changedAt.value && changedAt.value <= now.value ? `, changed ${span(now.value - changedAt.value)} ago` : "";
  const trouble = watchTrouble.value ? ` (${watchTrouble.value})` : "";
  return html`<div class=${`watch-line ${state === "lost" ? "stale-watch" : ""}`} data-watch=${state}>
    <span class=${`badge state-${tone}`}><${StateGlyph} state=${tone} />${word}</span>
    <span class="faint">${state === "live" ? html`at revision <b class="figure">${watchedTo.value}</b>${age}` : null}
      ${state === "lost" && revision ? `showing revision ${revision}${trouble}, retrying` : null}</span>
    ${command && html`<span class="watch-command"><${Command} text=${command} /></span>`}</div>`;
}
