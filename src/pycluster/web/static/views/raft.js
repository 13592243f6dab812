// Raft: who votes, how far each has the log, this agent's copy of the state against its bounds, and its disk.
import { age } from "../clock.js";
import { COMMANDS, voters as command } from "../commands.js";
import { size } from "../kv/bytes.js";
import { changeVoters, raft as askRaft } from "../kv/asking.js";
import { nodePath, parameter, setParameters } from "../router.js";
import { engine, leader, member, members, quorum, self, snapshots } from "../store.js";
import { Since } from "../parts/ages.js";
import { Card, Empty, Fact, Heading } from "../parts/cards.js";
import { Confirm } from "../parts/confirm.js";
import { StateGlyph, Star } from "../parts/glyphs.js";
import { html, useEffect, useState } from "../parts/html.js";
import { quorumState } from "../parts/quorum-seats.js";
import { Refusal } from "../parts/refusal.js";
import { Cell, Table } from "../parts/table.js";

const HEADS = ["Voter", "Reachable", "Seat", "#Last contact", "#Has up to", "#Behind by", "Change"];
const PHASES = {
  waiting: "The cluster is not founded yet: a majority of the listed voters must meet.",
  observer: "This node does not vote; it sees the voters as membership sees them.",
};
const number = new Intl.NumberFormat("en");

/** `/api/v1/raft`, asked again with every snapshot of the stream. */
function useRaft() {
  const [state, setState] = useState({ view: null, refused: null });
  const turn = snapshots.value;
  useEffect(() => {
    const cut = new AbortController();
    askRaft(cut.signal).then(
      (view) => setState({ view, refused: null }),
      (error) => error.name === "AbortError" || setState((old) => ({ ...old, refused: error })),
    );
    return () => cut.abort();
  }, [turn]);
  return state;
}

/** The page of the agent that leads, where its tags say where that is; null otherwise. */
function leadersPage() {
  const leads = member(leader.value.leader);
  if (!leads || leads.local) return null;
  const found = /^([A-Za-z0-9.-]*|\[[0-9A-Fa-f:]+\]):(\d{1,5})$/.exec(leads.tags.web ?? "");
  if (!found) return null;
  const host = found[1] || leads.address.replace(/:\d+$/, "");
  try {
    return new URL(`http://${host}:${found[2]}/raft`).href;
  } catch {
    return null;
  }
}

function LeadersPage() {
  const page = leadersPage();
  const name = leader.value.leader;
  return page ? html`<a href=${page}>${name}’s own page</a>` : html`<a href=${nodePath(name)}>${name}</a>`;
}

function Meter({ name, value, most, text }) {
  const share = most ? Math.min(value / most, 1) : 0;
  const tone = share > 0.9 ? "down" : share > 0.75 ? "suspect" : "alive";
  return html`<div class="meter"><dt>${name}</dt><dd>${text}</dd>
    <svg class="share" viewBox="0 0 100 4" preserveAspectRatio="none" role="img" aria-label=${`${(share * 100).toFixed(share < 0.01 ? 2 : 0)}% of ${name.toLowerCase()}`}>
      <rect class=${`bar-${tone}`} x="0" y="0" width=${share ? Math.max(share * 100, 0.6) : 0} height="4" /></svg></div>`;
}

function LeaderCard({ view }) {
  const { leader: name, term, since_us: since, acting, lease_ms: lease, reason } = leader.value;
  return html`<${Card} id="raft-leader" title="Leader" kind=${name ? "" : "trouble"} aside=${html`<span class="faint">this node: ${view?.role ?? "…"}</span>`}>
    <p class="big">${name ? html`<${Star} /><a href=${nodePath(name)}>${name}</a>` : html`<${StateGlyph} state="down" />No leader`}</p>
    ${!name && html`<p>${reason || "Nobody leads as far as this node may believe."}</p>`}
    <dl class="facts"><${Fact} name="Term">${term}<//>
      ${name && html`<${Fact} name="Leads for"><${Since} us=${since} /><//>`}
      ${name && html`<${Fact} name="Lease">${acting ? `${lease ?? 0} ms left, acting` : name === self.value.name ? "not acting yet" : "known to the leader"}<//>`}</dl><//>`;
}

function QuorumCard() {
  const view = quorum.value;
  const { tone } = quorumState(view);
  const seats = view.voters.filter((voter) => !voter.learner).length;
  return html`<${Card} id="quorum-state" title="Quorum" kind=${tone === "down" ? "trouble" : ""}>
    <p class="big"><${StateGlyph} state=${tone} />${seats ? `${view.reachable} of ${seats}` : "Not known"}
      ${seats > 0 && html`<span class="unit">voters reachable</span>`}</p>
    ${PHASES[view.phase] && html`<p class="faint">${PHASES[view.phase]}</p>`}
    ${view.phase !== "observer" && leader.value.leader && view.detail && html`<p>${view.detail}</p>`}
    <dl class="facts"><${Fact} name="Needed">${view.needed}<//><${Fact} name="This node votes">${view.local_is_voter ? "yes" : "no"}<//>
      <${Fact} name="Learners">${view.voters.length - seats}<//></dl><//>`;
}

function LogCard({ copy }) {
  const { commit_index: committed, last_index: newest, phase } = quorum.value;
  if (phase === "observer") {
    return html`<${Card} id="raft-log" title="Log of this node"><p class="big">None</p><p class="faint">A node without a seat keeps no log.</p><//>`;
  }
  return html`<${Card} id="raft-log" title="Log of this node">
    <p class="big">${number.format(committed)}<span class="unit">committed</span></p>
    <dl class="facts"><${Fact} name="Applied">${copy ? copy.applied_index : "–"}<//>
      <${Fact} name="Newest entry">${newest}<//>
      <${Fact} name="Not committed">${Math.max(newest - committed, 0)}<//>
      <${Fact} name="Not applied">${copy ? Math.max(committed - copy.applied_index, 0) : "–"}<//></dl><//>`;
}

function DiskCard({ disk }) {
  const ms = (value) => {
    if (value === null) return "–";
    return value < 10_000 ? `${value.toFixed(value < 10 ? 2 : 0)} ms` : `${(value / 1_000).toFixed(0)} s`;
  };
  return html`<${Card} id="raft-disk" title="Disk of this node">
    <p class="big">${disk?.of ? ms(disk.median_ms) : "–"}<span class="unit">a durable write (fsync), median</span></p>
    ${disk && html`<dl class="facts"><${Fact} name="Newest">${ms(disk.last_ms)}<//><${Fact} name=${`Worst of ${disk.of}`}>${ms(disk.worst_ms)}<//>
      <${Fact} name="Writes">${number.format(disk.writes)}<//>
      <${Fact} name="Under way for">${ms(disk.pending_ms ?? null)}<//></dl>`}<//>`;
}

function CopyCard({ copy }) {
  return html`<${Card} id="raft-copy" title="Copy of the state" aside=${html`<a href="/keys">keys</a>`}>
    <p class="big">${copy.revision}<span class="unit">revision</span></p>
    <dl class="facts"><${Fact} name="Readable from">${copy.compact_revision || "the first"}<//><${Fact} name="Keys">${number.format(copy.keys)}<//></dl>
    <dl class="meters">
      <${Meter} name="Bytes, history included" value=${copy.size_bytes} most=${copy.size_max_bytes} text=${`${size(copy.size_bytes)} of ${size(copy.size_max_bytes)}`} />
      <${Meter} name="Leases" value=${copy.leases} most=${copy.leases_max} text=${`${number.format(copy.leases)} of ${number.format(copy.leases_max)}`} />
      <${Meter} name="Watchers" value=${copy.watchers} most=${copy.watchers_max} text=${`${number.format(copy.watchers)} of ${number.format(copy.watchers_max)}`} />
      <${Meter} name="Requests under way" value=${copy.requests} most=${copy.requests_max} text=${`${number.format(copy.requests)} of ${number.format(copy.requests_max)}`} />
    </dl><//>`;
}

function SnapshotCard({ snapshot }) {
  const ways = [
    snapshot.saving_bytes !== null && `The next one is being written: ${size(snapshot.saving_bytes)} so far.`,
    snapshot.receiving_bytes !== null && `The leader’s is being received: ${size(snapshot.receiving_bytes)} so far.`,
    ...Object.entries(snapshot.sending).map(([name, sent]) => `On its way to ${name}: ${size(sent)} so far.`),
  ].filter(Boolean);
  return html`<${Card} id="raft-snapshot" title="Snapshot" aside=${ways.length > 0 && html`<span class="mark accent">under way</span>`}>
    <p class="big">${snapshot.index ? html`${snapshot.index}<span class="unit">last entry in it</span>` : "None yet"}</p>
    ${snapshot.index
      ? html`<dl class="facts"><${Fact} name="Revision">${snapshot.revision}<//><${Fact} name="On the disk">${size(snapshot.size_bytes)}<//></dl>`
      : html`<p class="faint">The log is folded into one when it has grown enough.</p>`}
    ${ways.length > 0 && html`<ul class="evidence-lines">${ways.map((text) => html`<li key=${text}>${text}</li>`)}</ul>`}<//>`;
}

function NoCopy() {
  const name = leader.value.leader;
  return html`<${Card} id="raft-copy" title="Copy of the state"><${Empty} title="This node holds no copy">
    It has no seat, so it keeps no state and no log. ${name
      ? html`What the voters have, <${LeadersPage} /> shows; the <a href="/keys">keys</a> are read from there.`
      : "Nobody leads at present whom it could ask."}<//><//>`;
}

/** Where the state is when the agents do not keep it. */
function EngineCard() {
  const { kind, version, endpoints, problem } = engine.value;
  return html`<${Card} id="raft-engine" title="The state is in another engine" aside=${html`<a href="/keys">keys</a>`}>
    <p class="big">${kind}<span class="unit">${version || "not heard of yet"}</span></p>
    ${problem && html`<p><b>${problem}</b></p>`}
    <dl class="facts">${endpoints.map((one) => html`<${Fact} key=${one.url} name=${one.url}>${one.problem || "answers"}<//>`)}</dl><//>`;
}

/** What can be done about a seat. */
const CHANGES = {
  transfer: { title: (name) => `Hand leadership to ${name}?`, word: "Hand over", fits: (voter) => !voter.learner && voter.name !== leader.value.leader, button: "Make leader" },
  remove: { title: (name) => `Take the seat of ${name} away?`, word: "Take it away", danger: true, fits: () => true, button: "Remove" },
  add: { title: (name) => `Give ${name} a seat?`, word: "Give it a seat", fits: () => false },
};

/** Living members without a seat, by name. */
function seatless() {
  const seated = new Set(quorum.value.voters.map((voter) => voter.name));
  return members.value.filter((one) => one.state === "alive" && !seated.has(one.name)).map((one) => one.name);
}

/** What a change of the seats means for the quorum. */
function Consequence({ what, name }) {
  const others = quorum.value.voters.filter((voter) => !voter.learner && voter.name !== name).length;
  const needed = (voters) => Math.floor(voters / 2) + 1;
  if (what === "transfer") return html`<p>Writes wait until ${name} leads, some milliseconds as a rule. It keeps leadership until that is lost.</p>`;
  if (what === "add") return html`<p>It is sent the state as a learner first, and votes when it has caught up: ${others + 1} voters then, of which ${needed(others + 1)} must be reachable.</p>`;
  return html`<p>${others} ${others === 1 ? "voter stays" : "voters stay"}, of which ${needed(others)} must be reachable. It is refused where the quorum would be lost.</p>`;
}

function Asked({ what, name, onClose }) {
  const { title, word, danger } = CHANGES[what];
  return html`<${Confirm} title=${title(name)} word=${word} danger=${danger} command=${command(what, name)} act=${() => changeVoters(what, name)}
      onClose=${onClose} onDone=${onClose}>
    <${Consequence} what=${what} name=${name} />
    ${leader.value.leader !== self.value.name && html`<p class="faint">Only the leader’s agent does this, and ${self.value.name} does not lead: ${
      leader.value.leader ? html`ask <${LeadersPage} />.` : "nobody does."}</p>`}<//>`;
}

function Changes({ voter, onAsk }) {
  return html`<span class="row-buttons">${Object.entries(CHANGES).map(([what, change]) => change.fits(voter) && html`
    <button type="button" key=${what} class="button small" aria-label=${`${change.button}: ${voter.name}`} onClick=${() => onAsk(what, voter.name)}>${change.button}</button>`)}</span>`;
}

function Newcomer({ names, onAsk }) {
  const give = (event) => {
    event.preventDefault();
    onAsk("add", new FormData(event.currentTarget).get("name"));
  };
  return html`<form class="card-note" onSubmit=${give}><label>Without a seat: <select name="name" aria-label="Member without a seat">
      ${names.map((name) => html`<option key=${name}>${name}</option>`)}</select></label>
    ${" "}<button class="button small">Give it a seat</button></form>`;
}

function contact(voter) {
  if (voter.name === self.value.name) return "this node";
  return voter.last_contact_ms === null ? "" : age(voter.last_contact_ms);
}

function Voter({ voter, newest, onAsk }) {
  const lag = voter.match_index === null ? null : Math.max(newest - voter.match_index, 0);
  const state = voter.reachable ? "alive" : "down";
  return html`<tr class=${voter.reachable ? "" : "row-down"}>
    <th scope="row"><a href=${nodePath(voter.name)}>${voter.name}</a>${voter.name === leader.value.leader && html` <${Star} />`}
      <code class="uuid seat-uuid">${voter.uuid || "has never shown up"}</code></th>
    <${Cell} name="Reachable"><span class=${`badge state-${state}`}><${StateGlyph} state=${state} />${voter.reachable ? "reachable" : "not reachable"}</span><//>
    <${Cell} name="Seat">${voter.learner ? "learner" : "voter"}<//>
    <${Cell} name="Last contact" numeric>${contact(voter)}<//>
    <${Cell} name="Has up to" numeric>${voter.match_index}<//>
    <${Cell} name="Behind by" numeric>${lag === null ? null : lag > 0 ? html`<b>${number.format(lag)}</b>` : "0"}<//>
    <${Cell} name="Change"><${Changes} voter=${voter} onAsk=${onAsk} /><//>
  </tr>`;
}

function Voters() {
  const view = quorum.value;
  const [what, name] = parameter("ask").split(":", 2);
  const newcomers = seatless();
  const able = what === "add" ? newcomers : view.voters.map((voter) => voter.name);
  const asked = Object.hasOwn(CHANGES, what) && able.includes(name);
  const ask = (change, whom) => setParameters({ ask: `${change}:${whom}` });
  const leads = leader.value.leader === self.value.name;
  return html`<${Card} id="voters" title="Voters and learners" kind="flush">
    ${view.voters.length
      ? html`<${Table} label="Voters" heads=${HEADS}>
          ${view.voters.map((voter) => html`<${Voter} key=${voter.uuid || voter.name} voter=${voter} newest=${view.last_index} onAsk=${ask} />`)}<//>`
      : html`<${Empty} title="The voters are not known yet">This node learns them from its settings, or from a voter.<//>`}
    ${!leads && leader.value.leader && html`<p class="card-note faint"><span>How far each has the log the leader knows: see <${LeadersPage} />.</span></p>`}
    ${view.cluster_uuid && newcomers.length > 0 && html`<${Newcomer} names=${newcomers} onAsk=${ask} />`}
    ${view.cluster_uuid && html`<p class="card-note faint">Cluster<code class="uuid">${view.cluster_uuid}</code></p>`}
    ${asked && html`<${Asked} key=${parameter("ask")} what=${what} name=${name} onClose=${() => setParameters({ ask: "" })} />`}<//>`;
}

/** The view. */
export function Raft() {
  const { view, refused } = useRaft();
  const copy = view?.copy;
  return html`<${Heading} title="Raft" command=${COMMANDS.raft} />
    ${refused && html`<${Refusal} title="Not read anew" error=${refused} />`}
    <div class="cards four"><${LeaderCard} view=${view} /><${QuorumCard} /><${LogCard} copy=${copy} /><${DiskCard} disk=${view?.disk} /></div>
    <${Voters} />
    ${engine.value.kind !== "embedded" ? html`<${EngineCard} />` : view && (copy ? html`<div class="halves"><${CopyCard} copy=${copy} /><${SnapshotCard} snapshot=${copy.snapshot} /></div>` : html`<${NoCopy} />`)}`;
}
