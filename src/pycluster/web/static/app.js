// The page: what is around every view, and which view the address asks for.
import { render } from "preact";
import { Header, titleText } from "./parts/header.js";
import { computed, effect, html, useEffect, useState } from "./parts/html.js";
import { Shortcuts, startShortcuts } from "./parts/shortcuts.js";
import { Nav, StaleBanner, Warnings } from "./parts/nav.js";
import { Palette } from "./parts/palette.js";
import { Card, Empty, Heading } from "./parts/cards.js";
import { page, startRouter, subject } from "./router.js";
import { connection, leader, self } from "./store.js";
import { startStream } from "./stream.js";
import { Configuration, SECTIONS } from "./views/configuration.js";
import { Elections } from "./views/elections.js";
import { Events } from "./views/events.js";
import { Health } from "./views/health.js";
import { Keys } from "./views/keys.js";
import { Node } from "./views/node.js";
import { Nodes } from "./views/nodes.js";
import { Overview } from "./views/overview.js";
import { Raft } from "./views/raft.js";
import { Settings } from "./views/settings.js";
import { Topology } from "./views/topology.js";

const VIEWS = {
  "": Overview,
  configuration: Configuration,
  elections: Elections,
  events: Events,
  health: Health,
  keys: Keys,
  nodes: Nodes,
  raft: Raft,
  settings: Settings,
  topology: Topology,
};

function NotFound() {
  return html`<${Heading} title="No such page" />
    <${Card} id="lost" title="Not found" kind="headless">
      <${Empty} title="This agent has no page at this address"><a href="/">Go to the overview</a><//><//>`;
}

function Loading() {
  const said = connection.value === "connecting" ? "Reading the cluster’s state …" : "Waiting for the agent …";
  return html`<div class="waiting" role="status"><p>${said}</p><div class="skeleton" aria-hidden="true"><i></i><i></i><i></i><i></i></div></div>`;
}

function View() {
  if (self.value === null) return html`<${Loading} />`;
  if (page.value === "nodes" && subject.value) return html`<${Node} key=${subject.value} name=${subject.value} />`;
  const whole = !subject.value || (page.value === "configuration" && Object.hasOwn(SECTIONS, subject.value));
  const known = Object.hasOwn(VIEWS, page.value) && whole;
  return html`<${known ? VIEWS[page.value] : NotFound} />`;
}

const leads = computed(() => {
  if (leader.value === null) return null;
  return leader.value.leader ? `${leader.value.leader} leads in term ${leader.value.term}` : "No leader";
});

/** Tells a change of leader to those who do not see it; the state at the start is no change. */
function LeaderNews() {
  const [news, setNews] = useState("");
  useEffect(() => {
    const first = leads.peek();
    let changed = false;
    return effect(() => {
      changed ||= leads.value !== first;
      if (changed) setNews(leads.value);
    });
  }, []);
  return html`<div class="off-screen" aria-live="polite" data-leader-news>${news}</div>`;
}

function Page() {
  const [menu, setMenu] = useState(false);
  const here = `${page.value}/${subject.value}`;
  useEffect(() => setMenu(false), [here]);
  return html`
    <a class="skip" href="#main">Skip to the content</a>
    <${Header} menu=${menu} onMenu=${() => setMenu(!menu)} />
    <div class="body">
      <${Nav} open=${menu} />
      <main id="main" tabindex="-1" class=${connection.value === "lost" ? "stale" : ""}>
        <${StaleBanner} /><${Warnings} /><${View} />
      </main>
    </div>
    ${self.value !== null && html`<${LeaderNews} />`}
    <${Palette} /><${Shortcuts} />`;
}

const root = document.getElementById("app");
root.textContent = "";
render(html`<${Page} />`, root);
effect(() => {
  document.title = titleText();
});
startRouter();
startShortcuts();
startStream();
