// Everything at a glance.
import { COMMANDS } from "../commands.js";
import { nodePath } from "../router.js";
import { acting, counts, events, health, leader, members, pastLeaders, quorum, self } from "../store.js";
import { At, Since } from "../parts/ages.js";
import { Card, Empty, Fact, Heading } from "../parts/cards.js";
import { EventList } from "../parts/event-list.js";
import { StateGlyph, Star } from "../parts/glyphs.js";
import { html } from "../parts/html.js";
import { FilteredNodes } from "../parts/nodes-table.js";
import { Seats, quorumState } from "../parts/quorum-seats.js";
import { Ring } from "../parts/ring.js";

/** Above this many nodes the table shows those that matter, and a field of signs shows them all. */
const TABLE_MOST = 60;
/** Up to this many, the table leaves room below it. */
const BESIDE_MOST = 12;
const STATES = ["alive", "suspect", "down", "left", "unknown"];

function LeaderCard() {
  const view = leader.value;
  if (!view.leader) {
    const founding = quorum.value.phase === "waiting";
    return html`<${Card} id="card-leader" title="Leader" kind=${founding ? "" : "trouble"}>
      <p class="big"><${StateGlyph} state=${founding ? "suspect" : "down"} />No leader</p>
      <p>${view.reason || "Nobody leads as far as this node may believe."}</p>
      ${view.since_us > 0 && html`<p class="faint">for <${Since} us=${view.since_us} /></p>`}<//>`;
  }
  return html`<${Card} id="card-leader" title="Leader" aside=${view.acting && html`<span class="mark accent">acting here</span>`}>
    <p class="big"><${Star} /><a href=${nodePath(view.leader)}>${view.leader}</a></p>
    <dl class="facts">
      <${Fact} name="Term">${view.term}<//>
      <${Fact} name="Leads for"><${Since} us=${view.since_us} /><//>
      ${view.acting && view.lease_ms !== null && html`<${Fact} name="Lease">${view.lease_ms} ms<//>`}
      ${view.source && html`<${Fact} name="Known by">${view.source}<//>`}
    </dl><//>`;
}

function QuorumCard() {
  const view = quorum.value;
  const { tone } = quorumState(view);
  const voters = view.voters.filter((voter) => !voter.learner).length;
  const word = !view.voters.length ? "Voters not known" : `${view.reachable} of ${voters}`;
  return html`<${Card} id="card-quorum" title="Quorum" kind=${tone === "down" ? "trouble" : ""}
      aside=${html`<span class="faint">${view.phase}</span>`}>
    <p class="big"><${StateGlyph} state=${tone} />${word}
      ${view.voters.length > 0 && html`<span class="unit">voters reachable, ${view.needed} needed</span>`}</p>
    ${view.voters.length <= 9 && html`<${Seats} quorum=${view} />`}
    ${!leader.value.leader && leader.value.reason && html`<p>No leader: ${leader.value.reason}</p>`}
    ${view.detail && html`<p class="faint">${view.detail}</p>`}<//>`;
}

function StatesCard() {
  const all = counts.value;
  const total = STATES.reduce((sum, state) => sum + all[state], 0);
  return html`<${Card} id="card-states" title="Nodes">
    <p class="big">${all.alive}<span class="unit">of ${total} alive</span></p>
    <svg class="share" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">${shares(all, total)}</svg>
    <ul class="counts">${STATES.map((state) => html`<li key=${state} class=${all[state] ? "" : "none"}>
      <a href=${`/nodes?q=state:${state}`} data-count=${state}><${StateGlyph} state=${state} /><b>${all[state]}</b> ${state}</a></li>`)}</ul><//>`;
}

function shares(all, total) {
  let from = 0;
  return STATES.filter((state) => all[state]).map((state) => {
    const width = (all[state] / total) * 100;
    from += width;
    return html`<rect key=${state} class=${`bar-${state}`} x=${from - width} y="0" width=${width} height="4" />`;
  });
}

function SelfCard() {
  const here = self.value;
  const state = { passing: "alive", warning: "suspect", critical: "down" }[health.value.status];
  return html`<${Card} id="card-self" title="This agent" aside=${html`<a href="/health">details</a>`}>
    <p class="big"><a href=${nodePath(here.name)}>${here.name}</a></p>
    <dl class="facts">
      <${Fact} name="Health"><span class=${`badge state-${state}`}><${StateGlyph} state=${state} />${health.value.status}</span><//>
      <${Fact} name="Up for"><${Since} us=${here.started_us} /><//>
      <${Fact} name="Version">${here.version}<//>
      <${Fact} name="Address">${here.address}<//>
    </dl>
    ${health.value.reasons.map((reason) => html`<p key=${reason} class="faint">${reason}</p>`)}<//>`;
}

function Field() {
  return html`<ul class="field" aria-label="Every node's state">${members.value.map((node) => html`<li key=${node.name}>
    <a href=${nodePath(node.name)} title=${`${node.name}: ${node.state}, ${node.role}`} aria-label=${`${node.name}: ${node.state}, ${node.role}`}>
      ${node.role === "leader" ? html`<${Star} />` : html`<${StateGlyph} state=${node.state} />`}</a></li>`)}</ul>`;
}

const matters = (node) => node.local || node.voter || node.role === "leader" || node.state !== "alive";

function Nodes() {
  const many = members.value.length > TABLE_MOST;
  const among = many ? members.value.filter(matters).slice(0, TABLE_MOST) : undefined;
  return html`<${Card} id="card-nodes" title="Nodes" kind="flush" aside=${html`<a href="/nodes">all nodes</a>`}>
    ${many && html`<${Field} /><p class="field-note faint">Below: this node, the voters, and every node that is not alive.</p>`}
    <${FilteredNodes} among=${among} /><//>`;
}

function Elections() {
  const lines = pastLeaders.value.slice(-6).reverse();
  return html`<${Card} id="card-elections" title="Elections" kind="flush" aside=${html`<a href="/elections">history</a>`}>
    ${lines.length
      ? html`<ol class="terms">${lines.map((line) => html`<li key=${`${line.term}.${line.since_us}`}><${At} us=${line.since_us} />
          <span class="term">term ${line.term}</span>
          <span>${line.leader ? html`<a href=${nodePath(line.leader)}>${line.leader}</a>` : html`<span class="bad-text">no leader</span>`}
          ${line.reason && html`<span class="faint reason">${line.reason}</span>`}</span></li>`)}</ol>`
      : html`<${Empty} title="No election seen yet">This node has not seen anybody lead since it started.<//>`}
    ${acting.value.some((span) => span.ended_us === null) && html`<p class="card-note"><${Star} />This node acts as leader now.</p>`}<//>`;
}

function Picture() {
  return html`<${Card} id="card-ring" title="Topology" aside=${html`<a href="/topology">larger</a>`}><${Ring} nodes=${members.value} small /><//>`;
}

/** The view. */
export function Overview() {
  const few = members.value.length <= BESIDE_MOST;
  return html`<${Heading} title="Overview" command=${COMMANDS.overview} />
    <div class="cards four"><${LeaderCard} /><${QuorumCard} /><${StatesCard} /><${SelfCard} /></div>
    <div class="split">
      <div class="stack"><${Nodes} />${few && html`<div class="halves"><${Elections} /><${Picture} /></div>`}</div>
      <div class=${`stack ${few ? "" : "side"}`}>
        <${Card} id="card-events" title="Events" kind="flush" aside=${html`<a href="/events">all</a>`}>
          <${EventList} events=${events.value.slice(0, few ? 16 : 10)} brief label="Newest events">They appear here as they happen.<//><//>
        ${!few && html`<${Elections} />`}
        ${!few && members.value.length <= TABLE_MOST && html`<${Picture} />`}
      </div>
    </div>`;
}
