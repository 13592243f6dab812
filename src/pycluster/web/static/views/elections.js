// Who led when, and why.
import { COMMANDS } from "../commands.js";
import { shown, span, wallOf } from "../clock.js";
import { nodePath } from "../router.js";
import { acting, events, leader, pastLeaders, quorum } from "../store.js";
import { LEADERSHIP } from "../kinds.js";
import { At, Since } from "../parts/ages.js";
import { Card, Empty, Heading } from "../parts/cards.js";
import { EventList } from "../parts/event-list.js";
import { Star } from "../parts/glyphs.js";
import { html, useComputed } from "../parts/html.js";
import { Explained } from "./explanation.js";

function Lasted({ from, to }) {
  if (to === null) return html`<${Since} us=${from} />`;
  return html`<span class="age">${span((to - from) / 1000)}</span>`;
}

/** The leaders as lengths of time, oldest at the left. */
function Strip({ lines }) {
  const parts = useComputed(() => {
    const ends = [...lines.slice(1).map((line) => wallOf(line.since_us)), shown.value];
    const begin = wallOf(lines[0].since_us);
    const whole = Math.max(ends[ends.length - 1] - begin, 1);
    const names = [...new Set(lines.map((line) => line.leader).filter(Boolean))];
    return lines.map((line, index) => ({ line, shade: names.indexOf(line.leader) % 4, x: ((wallOf(line.since_us) - begin) / whole) * 1000, width: Math.max(((ends[index] - wallOf(line.since_us)) / whole) * 1000, 1.5) }));
  });
  return html`<svg class="strip" viewBox="0 0 1000 28" preserveAspectRatio="none" role="img" aria-label="Leaders over time">
    ${parts.value.map(({ line, shade, x, width }) => html`<rect key=${`${line.term}.${line.since_us}`} class=${line.leader ? `led-${shade}` : "led-none"} x=${x} y="0" width=${Math.max(width - 1, 1)} height="28">
      <title>${line.leader || "no leader"}, term ${line.term}</title></rect>`)}</svg>`;
}

function History({ lines }) {
  const rows = lines.map((line, index) => ({ ...line, until: lines[index + 1]?.since_us ?? null })).reverse();
  return html`<table class="plain" aria-label="Election history"><thead><tr><th scope="col">Since</th><th scope="col" class="numeric">Term</th><th scope="col">Leader</th><th scope="col" class="numeric">Lasted</th><th scope="col">Reason</th></tr></thead>
    <tbody>${rows.map((row) => html`<tr key=${`${row.term}.${row.since_us}`}>
      <td data-label="Since"><${At} us=${row.since_us} /></td><td data-label="Term" class="numeric">${row.term}</td>
      <td data-label="Leader">${row.leader ? html`<a href=${nodePath(row.leader)}>${row.leader}</a>` : html`<span class="bad-text">no leader</span>`}${row.until === null && row.leader && html` <${Star} />`}</td>
      <td data-label="Lasted" class="numeric"><${Lasted} key=${row.until} from=${row.since_us} to=${row.until} /></td><td data-label="Reason" class=${row.reason ? "" : "blank"}>${row.reason || html`<span class="faint">–</span>`}</td></tr>`)}</tbody></table>`;
}

function Acting() {
  const rows = [...acting.value].reverse();
  if (!rows.length) return html`<${Empty} title="This node has not acted as leader">What it may have done in an earlier life is kept on its disk and would be here.<//>`;
  return html`<table class="plain" aria-label="When this node acted"><thead><tr><th scope="col">From</th><th scope="col">To</th><th scope="col" class="numeric">Term</th><th scope="col" class="numeric">Lasted</th><th scope="col">Ended because</th></tr></thead>
    <tbody>${rows.map((row) => html`<tr key=${`${row.term}.${row.started_us}`}>
      <td data-label="From"><${At} us=${row.started_us} /></td>
      <td data-label="To">${row.ended_us === null ? html`<span class="mark accent">acting</span>` : html`<${At} us=${row.ended_us} />`}</td>
      <td data-label="Term" class="numeric">${row.term}</td>
      <td data-label="Lasted" class="numeric"><${Lasted} key=${row.ended_us} from=${row.started_us} to=${row.ended_us} /></td>
      <td data-label="Ended because" class=${row.reason ? "" : "blank"}>${row.reason || html`<span class="faint">–</span>`}</td></tr>`)}</tbody></table>`;
}

/** The view. */
export function Elections() {
  const lines = pastLeaders.value;
  const told = events.value.filter((event) => LEADERSHIP.has(event.kind)).slice(0, 50);
  const facts = `${leader.value.leader} ${leader.value.term} ${leader.value.reason} ${quorum.value.reachable}`;
  return html`<${Heading} title="Elections" command=${COMMANDS.elections} />
    <div class="halves">
      <${Card} id="why-leader" title=${leader.value.leader ? "Why this leader" : "Why no leader"} kind=${leader.value.leader ? "" : "trouble"}><${Explained} query=${{ question: "leader" }} facts=${facts} /><//>
      <${Card} id="leader-events" title="Events of leadership" kind="flush">${told.length ? html`<${EventList} events=${told} brief label="Events of leadership" />` : html`<${Empty} title="No events yet" />`}<//>
    </div>
    <${Card} id="leader-history" title="Leaders as this node saw them" kind="flush">${lines.length
      ? html`<${Strip} key=${lines[lines.length - 1].since_us} lines=${lines} /><${History} lines=${lines} />`
      : html`<${Empty} title="No election seen yet">This node has not seen anybody lead since it started.<//>`}<//>
    <${Card} id="acting" title="When this node acted as leader" kind="flush"><${Acting} /><//>`;
}
