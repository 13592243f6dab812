// An answer to "why", asked of the agent, and asked again when what it is about has changed.
import { shown } from "../clock.js";
import { connection } from "../store.js";
import { Empty } from "../parts/cards.js";
import { html, useEffect, useState } from "../parts/html.js";

const AGAIN_MS = 10_000;

async function ask(query, cut) {
  const answer = await fetch(`/api/v1/explain?${new URLSearchParams(query)}`, { signal: cut.signal, headers: { accept: "application/json" } });
  const body = await answer.json();
  if (answer.ok) return { known: body };
  return { failed: [body.error?.what, body.error?.why, body.error?.remedy].filter(Boolean).join(": ") || `status ${answer.status}` };
}

/** `query` is what `/api/v1/explain` takes; `facts` is text that changes when the answer may. */
export function Explained({ query, facts }) {
  const [answer, setAnswer] = useState(null);
  const age = Math.floor(shown.value / AGAIN_MS);
  const live = connection.value === "live";
  useEffect(() => {
    const cut = new AbortController();
    ask(query, cut).then(setAnswer, (error) => error.name === "AbortError" || setAnswer((old) => old ?? { failed: "the agent does not answer" }));
    return () => cut.abort();
  }, [query.question, query.name, facts, age, live]);
  if (answer === null) return html`<p class="loading" role="status">Asking the agent …</p>`;
  if (answer.failed) return html`<${Empty} title="No explanation">${answer.failed}<//>`;
  const { answer: text, evidence, advice } = answer.known;
  return html`<div class="explanation">
    <p class="answer">${text}</p>
    ${evidence.length > 0 && html`<ul class="evidence-lines">${evidence.map((line, index) => html`<li key=${index}>${line}</li>`)}</ul>`}
    ${advice.length > 0 && html`<h3>What to do</h3><ul class="advice">${advice.map((line, index) => html`<li key=${index}>${line}</li>`)}</ul>`}
  </div>`;
}
