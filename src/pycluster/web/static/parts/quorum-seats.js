// The voters as seats, and the quorum in words.
import { nodePath } from "../router.js";
import { html } from "./html.js";

/** What the quorum is, in one word for its tone and a few for people. */
export function quorumState(quorum) {
  const voters = quorum.voters.filter((voter) => !voter.learner).length;
  if (!quorum.voters.length) return { tone: "unknown", word: "Voters not known yet" };
  if (quorum.phase === "waiting") return { tone: "suspect", word: `Founding: ${quorum.reachable} of ${voters} voters, ${quorum.needed} needed` };
  if (quorum.reachable < quorum.needed) return { tone: "down", word: `No quorum: ${quorum.reachable} of ${voters} voters, ${quorum.needed} needed` };
  if (quorum.reachable < voters) return { tone: "suspect", word: `Quorum: ${quorum.reachable} of ${voters} voters` };
  return { tone: "alive", word: `Quorum: ${quorum.reachable} of ${voters} voters` };
}

/** One mark a voter: full where it is reachable, crossed where not, ringed where it only learns. */
export function Seats({ quorum }) {
  return html`<ul class="seats" aria-label="Voters">${quorum.voters.map((voter) => html`<li key=${voter.name}>
    <a href=${nodePath(voter.name)} class=${`seat ${voter.reachable ? "reached" : "unreached"} ${voter.learner ? "learner" : ""}`}>
      <span class="seat-mark" aria-hidden="true">${voter.reachable ? "✓" : "✕"}</span>${voter.name}
      <span class="off-screen">${voter.reachable ? "reachable" : "not reachable"}</span>
      ${voter.learner && html`<span class="faint">learner</span>`}
    </a></li>`)}</ul>`;
}
