// A text area with the numbers of its lines, on which mistakes can be marked.
import { html, useEffect, useLayoutEffect, useRef } from "./html.js";

/** The numbers, those of `marked` lines as elements of their own. */
function numbers(count, marked) {
  const parts = [];
  let run = "";
  for (let line = 1; line <= count; line += 1) {
    if (marked.has(line)) {
      parts.push(run, html`<span key=${line} class="bad">${line}</span>`, "\n");
      run = "";
    } else run += `${line}\n`;
  }
  return [...parts, run];
}

/** `marked` is a set of line numbers; `goto` is `{line}`, a new object whenever the cursor shall go there; nothing is typed while it is `busy`. */
export function Lines({ labelledby, value, onInput, marked, goto, describedby, busy }) {
  const area = useRef(null);
  const gutter = useRef(null);
  const count = value.split("\n").length;
  const follow = () => (gutter.current.scrollTop = area.current.scrollTop);
  useLayoutEffect(follow);
  useEffect(() => {
    if (!goto) return;
    const before = value.split("\n").slice(0, goto.line - 1).join("\n").length + (goto.line > 1 ? 1 : 0);
    const end = value.indexOf("\n", before);
    area.current.focus();
    area.current.setSelectionRange(before, end < 0 ? value.length : end);
    area.current.scrollTop = (area.current.scrollHeight / count) * (goto.line - 4);
    follow();
  }, [goto]);
  return html`<div class="numbered"><pre class="gutter" ref=${gutter} aria-hidden="true">${numbers(count, marked)}</pre>
    <textarea ref=${area} class="input mono" aria-labelledby=${labelledby} aria-describedby=${describedby} aria-invalid=${marked.size ? "true" : undefined} wrap="off"
      rows=${Math.min(24, Math.max(8, count + 1))} spellcheck=${false} autocomplete="off" autocapitalize="off" value=${value} readonly=${busy} onScroll=${follow}
      onInput=${(event) => onInput(event.currentTarget.value)}></textarea></div>`;
}
