// The agent's boot-time clock (microseconds) and this browser's wall clock (milliseconds), brought together.
import { signal } from "@preact/signals";

/** The moment that the page shows, wall-clock ms. It stands still while the stream is lost: what is shown is old then. */
export const shown = signal(Date.now());

/** A snapshot that took longer on its way than others is no reason to move; one that is this far off is. */
const JUMP_MS = 1500;
let offset = null;

/** Learn from a snapshot: the agent's clock said `agentUs` when it was made, and it came in at `receivedMs`. */
export function observe(agentUs, receivedMs) {
  const seen = receivedMs - agentUs / 1000;
  if (offset === null || seen < offset || seen > offset + JUMP_MS) offset = seen;
  shown.value = receivedMs;
}

/** Forget what was learnt: another agent's life begins. */
export function forget() {
  offset = null;
}

/** An agent's microseconds as wall-clock ms. */
export function wallOf(agentUs) {
  return agentUs / 1000 + (offset ?? 0);
}

/** "7s", "3m 5s", "2h 14m", "3d 4h". */
export function span(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return seconds % 60 ? `${minutes}m ${seconds % 60}s` : `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 ? `${hours}h ${minutes % 60}m` : `${hours}h`;
  return hours % 24 ? `${Math.floor(hours / 24)}d ${hours % 24}h` : `${Math.floor(hours / 24)}d`;
}

/** "95 ms" below a second, "13s" above. */
export function age(ms) {
  return ms < 1000 ? `${ms} ms` : span(ms);
}

const pad = (number) => String(number).padStart(2, "0");

/** "12:30:31", in this browser's time zone. */
export function timeOfDay(wallMs) {
  const at = new Date(wallMs);
  return `${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`;
}

/** "2024-10-29 12:30:31". */
export function dateTime(wallMs) {
  const at = new Date(wallMs);
  return `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())} ${timeOfDay(wallMs)}`;
}

/** The time of day, with the date where it is not today's. */
export function moment(wallMs) {
  return new Date(wallMs).toDateString() === new Date(shown.peek()).toDateString() ? timeOfDay(wallMs) : dateTime(wallMs);
}
