// The configuration of the services: its entries, what a node gets of them, the files that are made of it, and how changes come to the nodes.
import { CONFIG, COMMANDS } from "../commands.js";
import { entryOf, intervalOf, list } from "../config/asking.js";
import { CLOSED, effectivePath, here, pathOf } from "../config/places.js";
import { parameter, subject } from "../router.js";
import { self } from "../store.js";
import { Heading } from "../parts/cards.js";
import { useFollowed } from "../parts/followed.js";
import { html } from "../parts/html.js";
import { Source } from "../parts/source.js";
import { ConfigEntry, NewEntry } from "./configentry.js";
import { EntryList } from "./configlist.js";
import { Effective } from "./effective.js";
import { RenderedFiles } from "./renderedfiles.js";
import { Rollouts } from "./rollouts.js";

/** The parts of the page: the rest of its address, and its name. */
export const SECTIONS = { "": "Entries", effective: "For a node", files: "Files", rollouts: "Rollouts" };

function address(section) {
  if (section === "effective") return effectivePath("");
  return section ? `/configuration/${section}` : pathOf({});
}

function Sections() {
  return html`<nav class="sections" aria-label="Parts of the configuration"><ul>${Object.entries(SECTIONS).map(([section, name]) => html`
    <li key=${section}><a href=${address(section)} aria-current=${section === subject.value ? "page" : undefined}>${name}</a></li>`)}</ul></nav>`;
}

function commandOf(section) {
  if (section === "files") return COMMANDS.rendered;
  if (section === "rollouts") return COMMANDS.rollouts;
  if (section === "effective") return CONFIG.effective(parameter("node") || self.value.name);
  return CONFIG.list(here().prefix);
}

/** The entries below the folder, read again with every change. */
function useEntries(prefix) {
  const state = useFollowed({ name: `entries ${prefix}`, group: prefix, ...intervalOf(prefix), load: (signal) => list(prefix, signal) });
  return { ...state, changes: state.changes.map((change) => ({ ...change, name: entryOf(change.key) })) };
}

function Entries() {
  const place = here();
  const state = useEntries(place.prefix);
  const close = pathOf(place, CLOSED);
  const fresh = place.doing === "new";
  return html`<${Source} page=${state.page} />
    <div class=${`keys-split ${place.name || fresh ? "with-key" : ""}`}>
    <${EntryList} place=${place} state=${state} />
    ${place.name && !fresh && html`<${ConfigEntry} key=${place.name} place=${place} close=${close} state=${state} />`}
    ${fresh && html`<${NewEntry} key=${place.name} place=${place} close=${close} />`}</div>`;
}

/** The view. */
export function Configuration() {
  const section = subject.value;
  return html`<${Heading} title="Configuration" command=${commandOf(section)} />
    <${Sections} />
    ${section === "" && html`<${Entries} />`}
    ${section === "effective" && html`<${Effective} />`}
    ${section === "files" && html`<${RenderedFiles} />`}
    ${section === "rollouts" && html`<${Rollouts} />`}`;
}
