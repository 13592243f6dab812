// Mistakes in a text that is being written, each with its place: a line of the text, a field of the form.
import { plain } from "../kv/bytes.js";
import { html, useState } from "../parts/html.js";

/** The agent's lines of a refusal, each with the place that the draft knows of it. */
function placed(lines, found) {
  const known = new Map(found.map((one) => [one.text, one]));
  return lines.map((text) => known.get(text) ?? { text, place: null, line: 0 });
}

/** `{list, lines, goto, clear, show, explain, go}`; `list` has `{text, place, line}`, place null where it is of no part of this text. */
export function useProblems() {
  const [list, setList] = useState([]);
  const [goto, setGoto] = useState(null);
  return {
    list,
    goto,
    lines: new Set(list.map((one) => one.line).filter(Boolean)),
    clear: () => (setList([]), setGoto(null)),
    show: setList,
    go: (line) => setGoto({ line }),
    /** `error` is the refusal; `read` gives the draft, which knows the places. */
    async explain(error, read) {
      const lines = error.why.split("\n").filter(Boolean);
      setList(placed(lines, []));
      setList(placed(lines, (await read()).problems));
    },
  };
}

/** The list, with a way to each line; in a form, what has a field of its own stands there. */
export function Problems({ problems, inForm }) {
  if (!problems.list.length) return html`<div id="content-problems"></div>`;
  return html`<div class="banner refusal problems" role="alert" id="content-problems"><div>
    <p><b>Not accepted; nothing was changed.</b></p>
    <ul>${problems.list.map((one) => html`<li key=${one.text}>
      ${one.line > 0 && !inForm && html`<button type="button" class="button small" onClick=${() => problems.go(one.line)}>line ${one.line}</button>`}
      <span>${plain(one.text)}</span></li>`)}</ul></div></div>`;
}
