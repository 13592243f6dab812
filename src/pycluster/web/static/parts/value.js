// A value: as text, as JSON in lines, or as bytes. It is never markup, and a long one is cut until all of it is asked for.
import { hexDump, plain, size, textOf } from "../kv/bytes.js";
import { pretty } from "../kv/pretty.js";
import { Icon } from "./glyphs.js";
import { copy } from "./cards.js";
import { html, useMemo, useRef, useState } from "./html.js";

const TEXT_SHOWN = 20_000;
/** Bytes of a dump; one of everything would be four times as long as the value. */
const BYTES_SHOWN = 1_024;
const BYTES_MOST = 262_144;
const PRETTY_MOST = 400_000;

/** Everything that can be shown of a value: `{text, json, forms}`, the first form being the best. */
function formsOf(value) {
  const text = textOf(value);
  const json = text !== null && text.length <= PRETTY_MOST ? pretty(text) : null;
  const forms = [...(json === null ? [] : ["json"]), ...(text === null ? [] : ["text"]), "hex"];
  // Bytes that happen to be text, of signs that nobody writes.
  if (text?.includes("\0")) forms.reverse();
  return { text, json, forms };
}

const NAMES = { json: "JSON", text: "Text", hex: "Hex" };

const narrow = matchMedia("(max-width: 620px)");

function dump(value, most) {
  const width = narrow.matches ? 8 : 16;
  const rest = value.length > BYTES_MOST && most === BYTES_MOST ? "\n… the rest is in the file" : "";
  return hexDump(value, most / width, width) + rest;
}

function Shown({ value, form, known, whole }) {
  if (form === "hex") return html`<pre class="value hex">${dump(value, whole ? BYTES_MOST : BYTES_SHOWN)}</pre>`;
  const text = plain(form === "json" ? known.json : known.text);
  return html`<pre class="value">${whole ? text : text.slice(0, TEXT_SHOWN)}</pre>`;
}

function cut(value, form, known) {
  if (form === "hex") return value.length > BYTES_SHOWN;
  return known[form].length > TEXT_SHOWN;
}

/** Give the bytes to the browser as a file. */
function download(value, name) {
  const address = URL.createObjectURL(new Blob([value], { type: "application/octet-stream" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

/** `as` is the form that the address asks for, `onAs` asks for another; `name` is the key's, for a file. */
export function Value({ value, as, onAs, name }) {
  const known = useMemo(() => formsOf(value), [value]);
  const [whole, setWhole] = useState(false);
  const [said, say] = useState("");
  const timer = useRef(0);
  const form = known.forms.includes(as) ? as : known.forms[0];
  const copied = async () => {
    say((await copy(known.text)) ? "copied" : "not allowed");
    clearTimeout(timer.current);
    timer.current = setTimeout(() => say(""), 2_000);
  };
  return html`<div class="value-box">
    <div class="value-tools">
      <div class="tabs" role="group" aria-label="Shown as">${known.forms.map((one) => html`
        <button type="button" key=${one} class="tab" aria-pressed=${String(one === form)} onClick=${() => onAs(one === known.forms[0] ? "" : one)}>
          ${NAMES[one]}</button>`)}</div>
      <span class="faint">${size(value.length)}${known.text === null ? ", not UTF-8" : ""}</span>
      <span class="said" role="status">${said}</span>
      ${known.text !== null && html`<button type="button" class="icon-button" title="Copy the value" aria-label="Copy the value" onClick=${copied}>
        <${Icon} name=${said === "copied" ? "done" : "copy"} /></button>`}
      <button type="button" class="icon-button" title="Save as a file" aria-label="Save the value as a file" onClick=${() => download(value, name)}>
        <${Icon} name="save" /></button>
    </div>
    ${value.length ? html`<${Shown} value=${value} form=${form} known=${known} whole=${whole} />` : html`<p class="value-empty faint">The value is empty.</p>`}
    ${!whole && cut(value, form, known) && html`<p class="cut"><button type="button" class="button" onClick=${() => setWhole(true)}>
      Show all ${size(value.length)}</button></p>`}
  </div>`;
}
