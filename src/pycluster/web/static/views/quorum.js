// The voters, what they need to decide, and whom this node reaches.
import { age } from "../clock.js";
import { COMMANDS } from "../commands.js";
import { nodePath } from "../router.js";
import { leader, quorum, self } from "../store.js";
import { Card, Empty, Fact, Heading } from "../parts/cards.js";
import { StateGlyph, Star } from "../parts/glyphs.js";
import { html } from "../parts/html.js";
import { quorumState } from "../parts/quorum-seats.js";
import { Cell, Table } from "../parts/table.js";

const HEADS = ["Voter", "Reachable", "Seat", "#Last contact", "#Has up to entry", "#Behind by", "UUID"];
const PHASES = {
  waiting: "The cluster is not founded yet: a majority of the listed voters must meet.",
  bootstrapped: "The cluster is founded; this node knows its voters from the log.",
  observer: "This node does not vote; it sees the voters as membership sees them.",
};

function contact(voter) {
  if (voter.name === self.value.name) return "this node";
  return voter.last_contact_ms === null ? "never" : age(voter.last_contact_ms);
}

function Voter({ voter, newest }) {
  const lag = voter.match_index === null ? null : Math.max(newest - voter.match_index, 0);
  const state = voter.reachable ? "alive" : "down";
  return html`<tr>
    <th scope="row"><a href=${nodePath(voter.name)}>${voter.name}</a>${voter.name === leader.value.leader && html` <${Star} />`}</th>
    <${Cell} name="Reachable"><span class=${`badge state-${state}`}>
      <${StateGlyph} state=${state} />${voter.reachable ? "reachable" : "not reachable"}</span><//>
    <${Cell} name="Seat">${voter.learner ? "learner" : "voter"}<//>
    <${Cell} name="Last contact" numeric>${contact(voter)}<//>
    <${Cell} name="Has up to entry" numeric>${voter.match_index}<//>
    <${Cell} name="Behind by" numeric>${lag}<//>
    <${Cell} name="UUID"><code class="uuid">${voter.uuid || "has never shown up"}</code><//>
  </tr>`;
}

/** The view. */
export function Quorum() {
  const view = quorum.value;
  const { tone, word } = quorumState(view);
  return html`<${Heading} title="Quorum" command=${COMMANDS.quorum} />
    <${Card} id="quorum-state" title="State" kind=${tone === "down" ? "trouble" : ""}>
      <p class="big"><${StateGlyph} state=${tone} />${word}</p>
      ${!leader.value.leader && html`<p>No leader: ${leader.value.reason || "nobody leads as far as this node may believe"}</p>`}
      <p class="faint">${PHASES[view.phase] ?? view.phase}</p>
      ${view.detail && html`<p>${view.detail}</p>`}
      <dl class="facts">
        <${Fact} name="Needed">${view.needed}<//><${Fact} name="Reachable">${view.reachable}<//>
        <${Fact} name="This node votes">${view.local_is_voter ? "yes" : "no"}<//>
        <${Fact} name="Committed entry">${view.commit_index}<//><${Fact} name="Newest entry">${view.last_index}<//>
        <${Fact} name="Cluster UUID" wide><code class="uuid">${view.cluster_uuid || "not founded"}</code><//>
      </dl><//>
    <${Card} id="voters" title="Voters" kind="flush">${view.voters.length
      ? html`<${Table} label="Voters" heads=${HEADS}>
          ${view.voters.map((voter) => html`<${Voter} key=${voter.name} voter=${voter} newest=${view.last_index} />`)}<//>`
      : html`<${Empty} title="The voters are not known yet">This node learns them from its settings, or from a voter.<//>`}<//>`;
}
