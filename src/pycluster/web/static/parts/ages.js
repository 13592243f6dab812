// Times that go on: a text node each, changed by its own signal, without drawing the row around it again.
import { dateTime, moment, shown, span, wallOf } from "../clock.js";
import { html, useComputed } from "./html.js";

/** How long ago a member was last seen: `member.seen` is a signal. */
export function Seen({ member }) {
  const text = useComputed(() => {
    if (member.local) return "this node";
    return member.seen.value === null ? "never" : `${span(shown.value - member.seen.value)} ago`;
  });
  return html`<span class="age">${text}</span>`;
}

/** A member's round trip time. */
export function RoundTrip({ member }) {
  const text = useComputed(() => roundTrip(member.rtt.value));
  return html`<span class="age">${text}</span>`;
}

/** "0.25 ms", "12 ms", or a dash. */
export function roundTrip(ms) {
  if (ms === null || ms === undefined) return "–";
  if (ms < 0.1) return `${(ms * 1000).toFixed(0)} µs`;
  return ms < 10 ? `${ms.toFixed(2)} ms` : `${ms.toFixed(0)} ms`;
}

/** "3m 5s": since that moment of the agent's clock. */
export function Since({ us }) {
  return html`<${Lasting} key=${us} us=${us} />`;
}

function Lasting({ us }) {
  const text = useComputed(() => span(shown.value - wallOf(us)));
  return html`<time class="age" title=${dateTime(wallOf(us))}>${text}</time>`;
}

/** The moment itself: "12:30:31", with its date where it is not today's. */
export function At({ us, wallMs }) {
  const wall = wallMs || wallOf(us);
  return html`<time class="at" datetime=${new Date(wall).toISOString()} title=${dateTime(wall)}>${moment(wall)}</time>`;
}
