// Where an override shall count: chosen among what the members are.
import { SCOPES } from "../config/names.js";
import { CLOSED, pathOf } from "../config/places.js";
import { navigate } from "../router.js";
import { members } from "../store.js";
import { html, useState } from "../parts/html.js";

/** What the members have of that kind, each once. */
function known(scope) {
  const found = members.value.flatMap((one) => ({
    node: [one.name],
    zone: [one.zone],
    region: [one.region],
    tag: Object.entries(one.tags).map(([key, value]) => `${key}=${value}`),
  })[scope]);
  return [...new Set(found.filter(Boolean))].sort();
}

/** Asks where, and goes to the editor of the override of `path`. */
export function NewOverride({ place, path }) {
  const [scope, setScope] = useState("node");
  const [value, setValue] = useState("");
  const go = (event) => {
    event.preventDefault();
    if (value.trim()) navigate(pathOf(place, { ...CLOSED, name: `${path}@${scope}:${value.trim()}`, doing: "new" }));
  };
  return html`<form class="override-form" onSubmit=${go}>
    <label class="field-label">Where<select class="input" name="scope" value=${scope} onChange=${(event) => (setScope(event.currentTarget.value), setValue(""))}>
      ${[...SCOPES].reverse().map((one) => html`<option key=${one} value=${one}>${one}</option>`)}</select></label>
    <label class="field-label">Which<input class="input mono" name="value" list="override-values" value=${value} autocomplete="off" spellcheck=${false} maxlength="150"
      placeholder=${scope === "tag" ? "KEY=VALUE" : "NAME"} onInput=${(event) => setValue(event.currentTarget.value)} /></label>
    <datalist id="override-values">${known(scope).map((one) => html`<option key=${one} value=${one} />`)}</datalist>
    <button class="button" disabled=${!value.trim()}>Write an override</button></form>`;
}
