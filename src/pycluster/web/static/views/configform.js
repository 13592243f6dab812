// A form out of JSON schemas. It changes parts of the text, so that what it does not know stays as it is written.
import { entryPath } from "../config/places.js";
import { formOf, pointerOf } from "../config/shapes.js";
import { plain } from "../kv/bytes.js";
import { Empty } from "../parts/cards.js";
import { Icon } from "../parts/glyphs.js";
import { html, useMemo } from "../parts/html.js";

const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;
const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

/** Whether a number in it is larger than this page can say exactly. */
function unsayable(value) {
  if (typeof value === "number") return Number.isInteger(value) && !Number.isSafeInteger(value);
  return value !== null && typeof value === "object" && Object.values(value).some(unsayable);
}

function valid(text) {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** What a schema says besides the kind, in words. */
function hints({ kind, schema = {}, preset, item }) {
  const of = (name) => (["number", "string"].includes(typeof schema[name]) ? String(schema[name]) : "");
  const range = of("minimum") && of("maximum") ? `${of("minimum")} to ${of("maximum")}` : of("minimum") ? `at least ${of("minimum")}` : of("maximum") && `at most ${of("maximum")}`;
  return [
    kind === "other" ? "as JSON" : kind === "integer" || item?.kind === "integer" ? "whole numbers" : "",
    range,
    of("minLength") && `at least ${of("minLength")} signs`,
    of("maxLength") && `at most ${of("maxLength")} signs`,
    of("pattern") && `like ${of("pattern")}`,
    preset !== undefined && `${JSON.stringify(preset)} where it is not set`,
  ].filter(Boolean);
}

/** One scalar: `json` is its JSON text, null where it is not set; `onJson(text, invalid)`. */
function Scalar({ shape, json, label, hint, id, bad, onJson }) {
  const common = { "aria-label": label, id, class: `input ${shape.kind === "string" ? "" : "mono"}`, "aria-invalid": bad ? "true" : undefined, "aria-describedby": bad ? `${id}-bad` : undefined };
  if (shape.kind === "boolean" || shape.kind === "choice") {
    const options = shape.kind === "boolean" ? [true, false] : shape.options;
    const texts = options.map((one) => JSON.stringify(one));
    return html`<select ...${common} value=${json ?? ""} onChange=${(event) => onJson(event.currentTarget.value || null, false)}>
      <option value="">not set${hint && ` (${hint})`}</option>
      ${json !== null && !texts.includes(json) && html`<option value=${json}>${json}</option>`}
      ${options.map((one, at) => html`<option key=${texts[at]} value=${texts[at]}>${plain(String(one))}</option>`)}</select>`;
  }
  if (shape.kind === "string") {
    const text = json === null ? "" : String(JSON.parse(json));
    const typed = (event) => onJson(JSON.stringify(event.currentTarget.value), false);
    if (text.includes("\n")) return html`<textarea ...${common} rows=${Math.min(10, text.split("\n").length + 1)} spellcheck=${false} value=${text} onInput=${typed}></textarea>`;
    return html`<input ...${common} value=${text} placeholder=${hint} autocomplete="off" spellcheck=${false} onInput=${typed} />`;
  }
  const typed = (event) => {
    const text = event.currentTarget.value.trim();
    onJson(text || null, text !== "" && !(shape.kind === "integer" ? /^-?(0|[1-9]\d*)$/ : NUMBER).test(text));
  };
  return html`<input ...${common} value=${json ?? ""} placeholder=${hint} inputmode=${shape.kind === "integer" ? "numeric" : "decimal"} autocomplete="off" onInput=${typed} />`;
}

function List({ shape, items, label, id, bad, onItems }) {
  const set = (at, text, invalid) => onItems(items.map((one, row) => (row === at ? { text: text ?? "", invalid: invalid || text === null } : one)));
  const begun = { string: '""', boolean: "false", choice: JSON.stringify(shape.item.options?.[0]) }[shape.item.kind];
  return html`<ul class="form-list" id=${id} aria-label=${label}>${items.map((one, at) => html`<li key=${at}>
      <${Scalar} shape=${shape.item} json=${one.text || null} label=${`${label} ${at + 1}`} hint="" id=${`${id}-${at}`} bad=${bad || one.invalid} onJson=${(text, invalid) => set(at, text, invalid)} />
      <button type="button" class="icon-button" aria-label=${`Remove ${label} ${at + 1}`} title="Remove" onClick=${() => onItems(items.filter((_, row) => row !== at))}><${Icon} name="close" /></button></li>`)}
    <li><button type="button" class="button small" aria-label=${`Add to ${label}`} onClick=${() => onItems([...items, { text: begun ?? "", invalid: begun === undefined }])}>
      <${Icon} name="plus" />Add</button></li></ul>`;
}

/** What an edit, or else the text, says of a part; `fits` is whether a field of that kind can show it. */
function standing(shape, value, edit) {
  const json = edit ? edit.json : value === undefined ? null : JSON.stringify(value);
  const kinds = { string: "string", boolean: "boolean", integer: "number", number: "number" };
  const fits = edit !== undefined || value === undefined
    || (shape.kind === "list" ? Array.isArray(value) && value.every((one) => one !== null && typeof one !== "object") : shape.kind === "choice" ? typeof value !== "object" : typeof value === kinds[shape.kind]);
  return { json, fits };
}

function Field({ field, place, value, below, form }) {
  const { name, needed } = field;
  const pointer = pointerOf(place);
  const edit = form.edits[pointer];
  const { json, fits } = standing(field.shape, value, edit);
  const shape = fits || field.shape.kind === "other" ? field.shape : { ...field.shape, kind: "other" };
  const problems = form.problems.filter((one) => one.place === pointer || (shape.kind === "list" && one.place?.startsWith(`${pointer}/`)));
  const bad = problems.length > 0 || Boolean(edit?.invalid);
  const id = `field${pointer}`;
  const label = plain(name);
  const inherited = below === undefined ? shape.preset : below;
  const hint = inherited === undefined || typeof inherited === "object" ? "" : String(inherited);
  const give = (text, invalid, more) => form.onEdit(pointer, text === null && value === undefined ? null : { place, json: text, invalid, ...more });
  let body;
  if (unsayable(value)) body = html`<p class="faint">This number is too large for a form; it is in the text.</p>`;
  else if (shape.kind === "list") {
    const items = edit?.items ?? (value ?? []).map((one) => ({ text: JSON.stringify(one), invalid: false }));
    body = html`<${List} shape=${shape} items=${items} label=${label} id=${id} bad=${bad}
      onItems=${(next) => give(`[${next.map((one) => one.text).join(",")}]`, next.some((one) => one.invalid), { items: next })} />`;
  } else if (shape.kind === "other") {
    const text = edit ? edit.json ?? "" : value === undefined ? "" : JSON.stringify(value, null, 2);
    body = html`<textarea class="input mono" id=${id} aria-label=${label} aria-invalid=${bad ? "true" : undefined} rows=${Math.min(12, text.split("\n").length + 1)} spellcheck=${false} value=${text}
      onInput=${(event) => { const now = event.currentTarget.value.trim() ? event.currentTarget.value : null; give(now, now !== null && !valid(now)); }}></textarea>`;
  } else body = html`<${Scalar} shape=${shape} json=${json} label=${label} hint=${hint} id=${id} bad=${bad} onJson=${give} />`;
  const notes = hints(shape);
  return html`<div class=${`form-field ${edit ? "changed" : ""}`} data-place=${pointer}>
    <div class="form-head"><label class="form-name" for=${id}>${label}</label>
      ${needed && html`<span class="mark">needed</span>`}
      ${shape.title && html`<span class="faint">${plain(shape.title)}</span>`}
      ${json !== null && !needed && html`<button type="button" class="icon-button" aria-label=${`Remove ${label}`} title="Remove it" onClick=${() => give(null, false)}><${Icon} name="close" /></button>`}
      ${edit && html`<button type="button" class="button small" aria-label=${`Undo the change of ${label}`} onClick=${() => form.onEdit(pointer, null)}>Undo</button>`}</div>
    ${body}
    ${shape.about && html`<p class="faint">${plain(shape.about)}</p>`}
    ${notes.length > 0 && html`<p class="faint">${plain(notes.join(", "))}</p>`}
    ${edit?.invalid && html`<p class="bad-text" id=${`${id}-bad`}>${shape.kind === "integer" ? "A whole number, please." : shape.kind === "number" ? "A number, please." : shape.kind === "list" ? "Each of them needs a value that fits." : "JSON, please."}</p>`}
    ${problems.map((one) => html`<p key=${one.text} class="bad-text" id=${`${id}-bad`}>${plain(one.text.split(`${one.place}: `).slice(1).join(`${one.place}: `) || one.text)}</p>`)}</div>`;
}

function Fields({ shape, place, value, below, form }) {
  const named = new Set(shape.fields.map((field) => field.name));
  const others = isObject(value) ? Object.keys(value).filter((name) => !named.has(name)).map((name) => ({ name, needed: false, shape: { kind: "other" } })) : [];
  const inner = (whole, name) => (isObject(whole) && Object.hasOwn(whole, name) ? whole[name] : undefined);
  return html`${[...shape.fields, ...others].map((field) => {
    const at = [...place, field.name];
    const held = inner(value, field.name);
    if (field.shape.kind !== "object" || (held !== undefined && held !== null && !isObject(held))) {
      return html`<${Field} key=${field.name} field=${field} place=${at} value=${held} below=${inner(below, field.name)} form=${form} />`;
    }
    return html`<fieldset class="form-group" key=${field.name}><legend>${plain(field.name)}${field.needed && html` <span class="mark">needed</span>`}
        ${field.shape.title && html` <span class="faint">${plain(field.shape.title)}</span>`}</legend>
      ${field.shape.about && html`<p class="faint">${plain(field.shape.about)}</p>`}
      <${Fields} shape=${field.shape} place=${at} value=${held} below=${inner(below, field.name)} form=${form} /></fieldset>`;
  })}`;
}

/** `sheet` is the draft as the agent read it; `edits` are by pointer: `{place, json, invalid}`; nothing is typed while it is `busy`. */
export function SchemaForm({ sheet, name, edits, onEdit, problems, busy }) {
  const shape = useMemo(() => formOf(sheet.schemas.map((one) => one.schema)), [sheet]);
  if (!shape || !isObject(sheet.value)) {
    const folder = name.slice(0, name.lastIndexOf("/") + 1);
    return html`<${Empty} title=${shape ? "This text is no mapping" : "No schema says what may be in it"}>
      ${shape ? "A form is for one; write it as text." : html`A form is made of its JSON schema: <a href=${entryPath(`${folder}@schema`, { doing: "new" })}>${folder}@schema</a>, for one.`}<//>`;
  }
  const form = { edits, onEdit, problems };
  return html`<fieldset class="schema-form" aria-label="Form" disabled=${busy}>
    <${Fields} shape=${shape} place=${[]} value=${sheet.value} below=${sheet.below} form=${form} />
    <p class="faint">Out of ${sheet.schemas.map((one, at) => html`${at > 0 && ", "}<code key=${one.name}>${one.name}</code>`)}.</p></fieldset>`;
}
