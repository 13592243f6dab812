// The settings that hold, and where each comes from.
import { COMMANDS } from "../commands.js";
import { parameter, setParameters } from "../router.js";
import { self } from "../store.js";
import { Card, Empty, FilterBox, Heading } from "../parts/cards.js";
import { html, useEffect, useState } from "../parts/html.js";
import { Cell, Table } from "../parts/table.js";

function text(value) {
  if (value === null || value === "" || (typeof value === "object" && !Object.keys(value).length)) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

function rowsOf(settings) {
  return Object.entries(settings).map(([name, entry]) => {
    const sourced = entry !== null && typeof entry === "object" && "value" in entry;
    return { name, value: text(sourced ? entry.value : entry), source: sourced ? text(entry.source ?? "") : "" };
  });
}

/** The view. */
export function Settings() {
  const [state, setState] = useState(null);
  useEffect(() => {
    const cut = new AbortController();
    fetch("/api/v1/settings", { signal: cut.signal })
      .then(async (answer) => (answer.ok ? { rows: rowsOf(await answer.json()) } : { failed: `The agent answered with status ${answer.status}.` }))
      .then(setState, (error) => error.name === "AbortError" || setState({ failed: "The agent does not answer." }));
    return () => cut.abort();
  }, [self.value.started_us]);
  const filter = parameter("q");
  const found = (state?.rows ?? []).filter((row) => `${row.name} ${row.value} ${row.source}`.toLowerCase().includes(filter.toLowerCase()));
  return html`<${Heading} title="Settings" command=${COMMANDS.settings}
      lead="What holds on this node, and where it was said. Secrets are never shown." />
    <${Card} id="settings" title="Settings" kind="flush headless">
      ${state === null && html`<p class="loading" role="status">Asking the agent …</p>`}
      ${state?.failed && html`<${Empty} title="No settings">${state.failed}<//>`}
      ${state?.rows && html`
        <${FilterBox} label="Filter settings" hint="Filter: name, value or source" value=${filter} shown=${found.length}
          all=${state.rows.length} onInput=${(q) => setParameters({ q })} />
        <${Table} label="Settings" heads=${["Setting", "Value", "From"]}>${found.map((row) => html`<tr key=${row.name}>
          <th scope="row"><code>${row.name}</code></th>
          <${Cell} name="Value">${row.value && html`<code>${row.value}</code>`}<//>
          <${Cell} name="From">${row.source && html`<span class="faint">${row.source}</span>`}<//></tr>`)}<//>`}<//>`;
}
