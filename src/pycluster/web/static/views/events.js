// What happened, newest first.
import { COMMANDS } from "../commands.js";
import { eventFilter } from "../filter.js";
import { parameter, setParameters } from "../router.js";
import { EVENTS_KEPT, events } from "../store.js";
import { Card, FilterBox, Heading } from "../parts/cards.js";
import { EventList } from "../parts/event-list.js";
import { html } from "../parts/html.js";

const CHIPS = [["All", ""], ["Members", "kind:member"], ["Leadership", "kind:leader"], ["Voters", "kind:voter"], ["Down", "kind:member-down"]];

/** The view. */
export function Events() {
  const filter = parameter("q");
  const all = events.value;
  const found = filter ? all.filter(eventFilter(filter)) : all;
  return html`<${Heading} title="Events" command=${COMMANDS.events} />
    <div class="chips" role="group" aria-label="By kind">${CHIPS.map(([name, q]) => html`
      <button type="button" key=${name} class="chip" aria-pressed=${String(filter === q)} onClick=${() => setParameters({ q })}>${name}</button>`)}
    </div>
    <${Card} id="all-events" title="All events" kind="flush headless">
      <${FilterBox} label="Filter events" hint="Filter: words, kind:member-down, node:node004 …" value=${filter}
        shown=${found.length} all=${all.length} onInput=${(q) => setParameters({ q })} />
      <${EventList} events=${found} label="Events" none=${all.length ? "No event fits this filter" : "No events yet"}>
        ${all.length ? "Esc in the filter clears it." : "They appear here as they happen."}<//>
      ${all.length === EVENTS_KEPT && html`<p class="card-note faint">The newest ${EVENTS_KEPT} are shown.</p>`}<//>`;
}
