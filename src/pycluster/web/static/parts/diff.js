// What changed between two texts: added and removed lines with their numbers, and a sign beside the colour.
import { compare } from "../config/differences.js";
import { plain } from "../kv/bytes.js";
import { html, useMemo, useState } from "./html.js";

const SHOWN = 400;
const KINDS = { "+": "added", "-": "removed", " ": "same" };
const number = new Intl.NumberFormat("en");

function Line({ line }) {
  if (line.sign === "@") return html`<li class="left-out">${number.format(line.left)} ${line.left === 1 ? "line is" : "lines are"} the same</li>`;
  const text = html`${plain(line.text)}${!line.ended && html`<span class="no-end" title="There is no end of line here"> ⌁</span>`}`;
  return html`<li class=${KINDS[line.sign]}><span class="at">${line.old || ""}</span><span class="at">${line.now || ""}</span>
    <span class="sign">${line.sign}</span>${line.sign === "+" ? html`<ins>${text}</ins>` : line.sign === "-" ? html`<del>${text}</del>` : html`<span>${text}</span>`}</li>`;
}

/** `label` names it for those who do not see it. */
export function Diff({ before, after, label }) {
  const found = useMemo(() => compare(before, after), [before, after]);
  const [whole, setWhole] = useState(false);
  if (!found) return html`<p class="faint">That is too much to compare here.</p>`;
  const { lines, added, removed } = found;
  if (!added && !removed) return html`<p class="faint diff-same">The two are the same.</p>`;
  return html`<div class="diff-box">
    <p class="diff-count"><span class="added">+${added}</span> <span class="removed">−${removed}</span> <span class="faint">lines</span></p>
    <ol class="diff" aria-label=${label}>${(whole ? lines : lines.slice(0, SHOWN)).map((line, at) => html`<${Line} key=${at} line=${line} />`)}</ol>
    ${!whole && lines.length > SHOWN && html`<p class="cut"><button type="button" class="button" onClick=${() => setWhole(true)}>Show all ${number.format(lines.length)} lines</button></p>`}
  </div>`;
}
