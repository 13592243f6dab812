// One node: what is known of it, and why it is in its state.
import { explainNode } from "../commands.js";
import { effectivePath } from "../config/places.js";
import { events, member, members, quorum } from "../store.js";
import { At, RoundTrip, Seen, Since } from "../parts/ages.js";
import { Card, Empty, Fact, Heading, Tags } from "../parts/cards.js";
import { EventList } from "../parts/event-list.js";
import { Role, StateBadge } from "../parts/glyphs.js";
import { html } from "../parts/html.js";
import { Explained } from "./explanation.js";

function Facts({ node }) {
  const seat = quorum.value.voters.find((voter) => voter.name === node.name);
  return html`<dl class="facts grid">
    <${Fact} name="State"><${StateBadge} state=${node.state} /><//>
    <${Fact} name="In this state for">${node.state_since_us > 0 ? html`<${Since} us=${node.state_since_us} />` : "–"}<//>
    <${Fact} name="Since">${node.state_since_us > 0 ? html`<${At} key=${node.state_since_us} us=${node.state_since_us} />` : "–"}<//>
    <${Fact} name="Role"><${Role} role=${node.role} /><//>
    <${Fact} name="Seat">${seat ? `${seat.learner ? "learner" : "voter"}, ${seat.reachable ? "reachable" : "not reachable"}` : "none"}<//>
    <${Fact} name="Last seen"><${Seen} key=${node.name} member=${node} /><//>
    <${Fact} name="Round trip"><${RoundTrip} key=${node.name} member=${node} /><//>
    <${Fact} name="Address"><code>${node.address}</code><//>
    <${Fact} name="Host">${node.host}<//>
    <${Fact} name="Region / zone">${[node.region, node.zone].filter(Boolean).join(" / ") || "–"}<//>
    <${Fact} name="Version">${node.version || "–"}<//>
    <${Fact} name="Incarnation">${node.incarnation}<//>
    <${Fact} name="UUID" wide><code class="uuid">${node.uuid || "not known"}</code><//>
    <${Fact} name="Tags" wide>${Object.keys(node.tags).length ? html`<${Tags} tags=${node.tags} />` : "none"}<//>
  </dl>`;
}

function Evidence({ node }) {
  if (!node.evidence.length) {
    const why = node.state === "unknown" ? "This node has never been heard of." : "Nothing has spoken for or against it.";
    return html`<${Empty} title="No evidence recorded">${why}<//>`;
  }
  return html`<ol class="evidence">${[...node.evidence].reverse().map((item, index) => html`<li key=${`${item.at_us}.${index}`}>
    <${At} us=${item.at_us} /><span><b>${item.kind}</b> by ${item.by}${item.detail && html`<span class="detail">${item.detail}</span>`}</span>
    <span class="faint"><${Since} us=${item.at_us} /> ago</span></li>`)}</ol>`;
}

/** The view. */
export function Node({ name }) {
  const node = member(name);
  if (!node) {
    return html`<${Heading} title=${name} command=${explainNode(name)} />
      <${Card} id="no-node" title="Not known">
        <${Empty} title="No node of this name is known here">
          This node knows ${members.value.length} nodes. <a href="/nodes">See them all</a>.<//><//>`;
  }
  const facts = `${node.state} ${node.role} ${node.incarnation} ${node.evidence.length} ${node.state_since_us}`;
  const told = events.value.filter((event) => event.node === name).slice(0, 50);
  return html`<${Heading} title=${name} command=${explainNode(name)}>
      <p class="lead"><${StateBadge} state=${node.state} />
        ${node.role !== "unknown" && html`<${Role} role=${node.role} />`}
        ${node.voter && html`<span>voter</span>`}${node.local && html`<span class="mark">this node</span>`}
        <a href=${effectivePath(name)}>configuration</a></p><//>
    <div class="halves">
      <div class="stack">
        <${Card} id="node-facts" title="What is known"><${Facts} node=${node} /><//>
        <${Card} id="node-evidence" title="Evidence" kind="flush"><${Evidence} node=${node} /><//>
      </div>
      <div class="stack">
        <${Card} id="node-why" title="Why"><${Explained} key=${name} query=${{ question: "node", name }} facts=${facts} /><//>
        <${Card} id="node-events" title="Events of this node" kind="flush">
          <${EventList} events=${told} brief label="Events of this node" none="No events of this node yet" /><//>
      </div>
    </div>`;
}
