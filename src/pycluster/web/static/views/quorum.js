// The voters, what they need to decide, and whom this node reaches.
import { age } from "../clock.js";
import { COMMANDS } from "../commands.js";
import { nodePath } from "../router.js";
import { leader, quorum, self } from "../store.js";
import { Card, Empty, Fact, Heading } from "../parts/cards.js";
import { StateGlyph, Star } from "../parts/glyphs.js";
import { html } from "../parts/html.js";
import { quorumState } from "../parts/quorum-seats.js";

const PHASES = {
  waiting: "The cluster is not founded yet: a majority of the listed voters must meet.",
  bootstrapped: "The cluster is founded; this node knows its voters from the log.",
  observer: "This node does not vote; it sees the voters as membership sees them.",
};

function Voter({ voter, newest }) {
  const lag = voter.match_index === null ? null : Math.max(newest - voter.match_index, 0);
  const state = voter.reachable ? "alive" : "down";
  return html`<tr>
    <th scope="row"><a href=${nodePath(voter.name)}>${voter.name}</a>${voter.name === leader.value.leader && html` <${Star} />`}</th>
    <td data-label="Reachable"><span class=${`badge state-${state}`}><${StateGlyph} state=${state} />${voter.reachable ? "reachable" : "not reachable"}</span></td>
    <td data-label="Seat">${voter.learner ? "learner" : "voter"}</td>
    <td data-label="Last contact" class="numeric">${voter.name === self.value.name ? "this node" : voter.last_contact_ms === null ? html`<span class="faint">never</span>` : age(voter.last_contact_ms)}</td>
    <td data-label="Has up to entry" class="numeric">${voter.match_index ?? html`<span class="faint">–</span>`}</td>
    <td data-label="Behind by" class="numeric">${lag ?? html`<span class="faint">–</span>`}</td>
    <td data-label="UUID"><code class="uuid">${voter.uuid || "has never shown up"}</code></td>
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
      ? html`<table class="plain" aria-label="Voters"><thead><tr><th scope="col">Voter</th><th scope="col">Reachable</th><th scope="col">Seat</th><th scope="col" class="numeric">Last contact</th>
          <th scope="col" class="numeric">Has up to entry</th><th scope="col" class="numeric">Behind by</th><th scope="col">UUID</th></tr></thead>
          <tbody>${view.voters.map((voter) => html`<${Voter} key=${voter.name} voter=${voter} newest=${view.last_index} />`)}</tbody></table>`
      : html`<${Empty} title="The voters are not known yet">This node learns them from its settings, or from a voter.<//>`}<//>`;
}
