// What a node gets of the configuration: every entry with the overrides that count there, and where each line comes from.
import { CONFIG } from "../commands.js";
import { effective, intervalOf } from "../config/asking.js";
import { partOf, nameOf } from "../config/names.js";
import { effectivePath, entryPath } from "../config/places.js";
import { releasesOf } from "../config/rollouts.js";
import { plain, startsWith } from "../kv/bytes.js";
import { navigate, nodePath, parameter } from "../router.js";
import { member, members, self } from "../store.js";
import { Card, Command, Empty } from "../parts/cards.js";
import { useFollowed } from "../parts/followed.js";
import { html } from "../parts/html.js";
import { Refusal } from "../parts/refusal.js";
import { Cell, Table } from "../parts/table.js";
import { Named } from "./configentry.js";
import { WatchLine } from "./watchline.js";

const LINES_SHOWN = 2_000;

/** Read again with every change of an entry or of what is released for the node, and when the node becomes another one. */
function useEffective(node) {
  const { zone = "", region = "", tags = {} } = member(node) ?? {};
  const entries = intervalOf("");
  const releases = releasesOf(node);
  return useFollowed({
    name: `effective ${node} ${zone} ${region} ${JSON.stringify(tags)}`,
    group: node,
    first: entries.first,
    end: releases.end,
    concerns: (key) => startsWith(key, entries.first) || startsWith(key, releases.first),
    load: (signal) => effective(node, "", signal),
  });
}

function layerWord(layer, at) {
  return at === 0 && !nameOf(layer.name).scope ? "all nodes" : partOf(nameOf(layer.name));
}

function Layers({ layers }) {
  return html`<span class="layers">${layers.map((layer, at) => html`<span key=${layer.name} class=${`layer layer-${at % 6}`}>
    <a href=${entryPath(layer.name)}>${layerWord(layer, at)}</a> <span class="faint">version ${layer.version}</span></span>`)}</span>`;
}

function NodeChoice({ node, name }) {
  return html`<label class="field-label node-choice">Node<select class="input" aria-label="Node" value=${node} onChange=${(event) => navigate(effectivePath(event.currentTarget.value, name))}>
    ${!member(node) && html`<option value=${node}>${node}</option>`}
    ${members.value.map((one) => html`<option key=${one.name} value=${one.name}>${one.name}</option>`)}</select></label>`;
}

/** The content, each line with the layer that it comes from. */
function Content({ entry }) {
  const lines = entry.content.replace(/\n$/, "").split("\n");
  const several = entry.layers.length > 1;
  return html`<ol class="sourced" aria-label="Content">${lines.slice(0, LINES_SHOWN).map((line, at) => {
    const from = entry.origins?.[at] ?? -1;
    const begins = several && from >= 0 && from !== entry.origins?.[at - 1];
    return html`<li key=${at} class=${several && from >= 0 ? `layer-${from % 6}` : ""}><code>${plain(line)}</code>${" "}
      ${begins && html`<span class="from">${layerWord(entry.layers[from], from)}</span>`}</li>`;
  })}</ol>${lines.length > LINES_SHOWN && html`<p class="faint">… ${lines.length - LINES_SHOWN} lines more</p>`}`;
}

function One({ node, entry }) {
  return html`<div class="stack key-side"><${Card} id="effective-entry" title="Entry" kind="headless">
    <${Named} title=${entry.name} close=${effectivePath(node)} />
    <p class="faint">What <a href=${nodePath(node)}>${node}</a> gets; where several count, the last counts most:</p>
    <p><${Layers} layers=${entry.layers} /></p>
    ${entry.problems.length
      ? html`<div class="banner refusal" role="alert"><div><p><b>These together do not fit; the node gets nothing of it.</b></p>
          ${entry.problems.map((line) => html`<p key=${line} class="because">${plain(line)}</p>`)}</div></div>`
      : html`<${Content} entry=${entry} />`}
    <${Command} text=${CONFIG.effective(node, entry.name)} /><//></div>`;
}

function Rows({ node, page, name }) {
  if (!page.entries.length) return html`<${Empty} title="No entries">There is nothing that ${node} could get.<//>`;
  return html`<div class="effective-rows"><${Table} label="What the node gets" heads=${["Entry", "Out of", "State"]}>${page.entries.map((entry) => html`
    <tr key=${entry.name} class=${entry.name === name ? "open" : ""}><th scope="row"><a class="key-name" href=${effectivePath(node, entry.name)}
        aria-current=${entry.name === name ? "true" : undefined}>${entry.name}</a></th>
      <${Cell} name="Out of"><${Layers} layers=${entry.layers} /><//>
      <${Cell} name="State">${entry.problems.length > 0 && html`<span class="mark bad">does not fit</span>`}<//></tr>`)}<//></div>`;
}

/** The view. */
export function Effective() {
  const node = parameter("node") || self.value.name;
  const name = parameter("name");
  const { page, refused } = useEffective(node);
  const entry = page?.entries.find((one) => one.name === name);
  return html`<div class=${`keys-split ${entry ? "with-key" : ""}`}>
    <div class="stack keys-list"><${Card} id="effective-list" title="What a node gets" kind="flush headless">
      <div class="in-card"><${NodeChoice} node=${node} name=${name} /></div>
      <${WatchLine} command="" revision=${page?.revision} />
      ${refused && html`<div class="in-card"><${Refusal} title=${page ? "Not read anew" : "Not read"} error=${refused} /></div>`}
      ${!page && !refused && html`<p class="loading in-card" role="status">Asking the agent …</p>`}
      ${page && html`<${Rows} node=${node} page=${page} name=${name} />`}<//></div>
    ${entry && html`<${One} node=${node} entry=${entry} />`}
    ${page && name && !entry && html`<p class="faint">${node} gets no entry ${name}.</p>`}</div>`;
}
