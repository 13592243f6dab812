// Who led when, and why.
import { shown, span, wallOf } from "../clock.js";
import { COMMANDS } from "../commands.js";
import { LEADERSHIP } from "../kinds.js";
import { nodePath } from "../router.js";
import { acting, events, leader, pastLeaders, quorum } from "../store.js";
import { At, Since } from "../parts/ages.js";
import { Card, Empty, Heading } from "../parts/cards.js";
import { EventList } from "../parts/event-list.js";
import { Star } from "../parts/glyphs.js";
import { html, useComputed } from "../parts/html.js";
import { Cell, Table } from "../parts/table.js";
import { Explained } from "./explanation.js";

const SHADES = 4;

function Lasted({ from, to }) {
  if (to === null) return html`<${Since} us=${from} />`;
  return html`<span class="age">${span((to - from) / 1000)}</span>`;
}

/** Each line with where it begins, 0 to 1000, how wide it is, and its leader's shade. */
function lengths(lines, now) {
  const names = [...new Set(lines.map((line) => line.leader).filter(Boolean))];
  const from = lines.map((line) => wallOf(line.since_us));
  const scale = 1000 / Math.max(now - from[0], 1);
  return lines.map((line, index) => ({
    line,
    shade: line.leader ? names.indexOf(line.leader) % SHADES : "none",
    x: (from[index] - from[0]) * scale,
    width: Math.max(((from[index + 1] ?? now) - from[index]) * scale - 1, 1.5),
  }));
}

/** The leaders as lengths of time, oldest at the left. */
function Strip({ lines }) {
  const parts = useComputed(() => lengths(lines, shown.value));
  return html`<svg class="strip" viewBox="0 0 1000 28" preserveAspectRatio="none" role="img" aria-label="Leaders over time">
    ${parts.value.map(({ line, shade, x, width }) => html`
      <rect key=${`${line.term}.${line.since_us}`} class=${`led-${shade}`} x=${x} y="0" width=${width} height="28">
        <title>${line.leader || "no leader"}, term ${line.term}</title></rect>`)}</svg>`;
}

function History({ lines }) {
  const rows = lines.map((line, index) => ({ ...line, until: lines[index + 1]?.since_us ?? null })).reverse();
  return html`<${Table} label="Election history" heads=${["Since", "#Term", "Leader", "#Lasted", "Reason"]}>
    ${rows.map((row) => html`<tr key=${`${row.term}.${row.since_us}`}>
      <${Cell} name="Since"><${At} us=${row.since_us} /><//>
      <${Cell} name="Term" numeric>${row.term}<//>
      <${Cell} name="Leader">
        ${row.leader ? html`<a href=${nodePath(row.leader)}>${row.leader}</a>` : html`<span class="bad-text">no leader</span>`}
        ${row.until === null && row.leader && html` <${Star} />`}<//>
      <${Cell} name="Lasted" numeric><${Lasted} key=${row.until} from=${row.since_us} to=${row.until} /><//>
      <${Cell} name="Reason">${row.reason}<//></tr>`)}<//>`;
}

function Acting() {
  const rows = [...acting.value].reverse();
  if (!rows.length) {
    return html`<${Empty} title="This node has not acted as leader">
      What it may have done in an earlier life is kept on its disk and would be here.<//>`;
  }
  return html`<${Table} label="When this node acted" heads=${["From", "To", "#Term", "#Lasted", "Ended because"]}>
    ${rows.map((row) => html`<tr key=${`${row.term}.${row.started_us}`}>
      <${Cell} name="From"><${At} us=${row.started_us} /><//>
      <${Cell} name="To">${row.ended_us === null ? html`<span class="mark accent">acting</span>` : html`<${At} us=${row.ended_us} />`}<//>
      <${Cell} name="Term" numeric>${row.term}<//>
      <${Cell} name="Lasted" numeric><${Lasted} key=${row.ended_us} from=${row.started_us} to=${row.ended_us} /><//>
      <${Cell} name="Ended because">${row.reason}<//></tr>`)}<//>`;
}

/** The view. */
export function Elections() {
  const lines = pastLeaders.value;
  const { leader: leads, term, reason } = leader.value;
  const told = events.value.filter((event) => LEADERSHIP.has(event.kind)).slice(0, 50);
  return html`<${Heading} title="Elections" command=${COMMANDS.elections} />
    <div class="halves">
      <${Card} id="why-leader" title=${leads ? "Why this leader" : "Why no leader"} kind=${leads ? "" : "trouble"}>
        <${Explained} query=${{ question: "leader" }} facts=${`${leads} ${term} ${reason} ${quorum.value.reachable}`} /><//>
      <${Card} id="leader-events" title="Events of leadership" kind="flush">
        <${EventList} events=${told} brief label="Events of leadership" /><//>
    </div>
    <${Card} id="leader-history" title="Leaders as this node saw them" kind="flush">${lines.length
      ? html`<${Strip} key=${lines[lines.length - 1].since_us} lines=${lines} /><${History} lines=${lines} />`
      : html`<${Empty} title="No election seen yet">This node has not seen anybody lead since it started.<//>`}<//>
    <${Card} id="acting" title="When this node acted as leader" kind="flush"><${Acting} /><//>`;
}
