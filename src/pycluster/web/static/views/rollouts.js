// Rollouts: new versions that are, or were, brought to some nodes at a time.
import { ROLLOUT_KEYS, rollouts } from "../config/rollouts.js";
import { rolloutPath } from "../config/places.js";
import { plain } from "../kv/bytes.js";
import { parameter } from "../router.js";
import { At } from "../parts/ages.js";
import { Card, Empty } from "../parts/cards.js";
import { useFollowed } from "../parts/followed.js";
import { html } from "../parts/html.js";
import { Refusal } from "../parts/refusal.js";
import { Cell, Table } from "../parts/table.js";
import { Rollout, RunState } from "./rollout.js";
import { WatchLine } from "./watchline.js";

const HEADS = ["Entry", "State", "#Version", "Nodes", "Begun", "By", "Why"];

function Row({ one }) {
  return html`<tr class=${one.state === "rolled-back" ? "row-down" : ""}><th scope="row"><a class="key-name" href=${rolloutPath(one.name, one.version)}>${one.name}</a></th>
    <${Cell} name="State"><${RunState} state=${one.state} /><//>
    <${Cell} name="Version" numeric>${one.before} → ${one.version}<//>
    <${Cell} name="Nodes">${one.total > 0 && `${one.good} of ${one.total}${one.failed ? `, ${one.failed} failed` : ""}`}<//>
    <${Cell} name="Begun"><${At} wallMs=${one.at_ms} /><//>
    <${Cell} name="By">${plain(one.author)}<//>
    <${Cell} name="Why">${one.why && html`<span class="one-line">${plain(one.why)}</span>`}<//></tr>`;
}

function List() {
  const { page, refused } = useFollowed({ name: "rollouts", group: "rollouts", ...ROLLOUT_KEYS, load: (signal) => rollouts("", signal) });
  return html`<${Card} id="rollout-list" title="Rollouts" kind="flush headless">
    <${WatchLine} command="" revision=${page?.revision} />
    ${refused && html`<div class="in-card"><${Refusal} title=${page ? "Not read anew" : "Not read"} error=${refused} /></div>`}
    ${!page && !refused && html`<p class="loading in-card" role="status">Asking the agent …</p>`}
    ${page && (page.rollouts.length
      ? html`<div class="rollout-rows"><${Table} label="Rollouts" heads=${HEADS}>${page.rollouts.map((one) => html`<${Row} key=${`${one.name} ${one.version}`} one=${one} />`)}<//></div>`
      : html`<${Empty} title="No rollouts yet">One begins with a change of an entry that nodes render a file from: edit it, and choose to roll it out.<//>`)}<//>`;
}

/** The view. */
export function Rollouts() {
  const name = parameter("name");
  const version = /^\d{1,9}$/.test(parameter("version")) ? Number(parameter("version")) : 0;
  return name ? html`<${Rollout} key=${`${name} ${version}`} name=${name} version=${version} close="/configuration/rollouts" />` : html`<${List} />`;
}
