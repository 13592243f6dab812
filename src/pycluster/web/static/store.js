// What the page knows. A signal changes only when its content does, so that nothing is drawn again for nothing.
import { batch, signal } from "@preact/signals";
import { forget, observe } from "./clock.js";

export const EVENTS_KEPT = 500;
const GATHER_MS = 50;

/** "connecting" until the first message, then "live" or "lost". */
export const connection = signal("connecting");
/** Wall-clock ms of the newest message, 0 before the first. */
export const heardAt = signal(0);
/** Why there is no stream, in the server's words where it gave any. */
export const trouble = signal("");

/** How many snapshots came: whoever shows more than the stream brings asks again with each. */
export const snapshots = signal(0);

/** The node that serves this page, and its cluster; null before the first snapshot. */
export const self = signal(null);
export const leader = signal(null);
export const quorum = signal(null);
export const counts = signal(null);
export const health = signal(null);
export const pastLeaders = signal([]);
export const acting = signal([]);
export const counters = signal({});
export const warnings = signal([]);
/** What holds the replicated state: the agents themselves, or another engine with its members. */
export const engine = signal({ kind: "embedded", endpoints: [] });
/** Members by name. `seen` (wall ms or null) and `rtt` (ms or null) are signals of their own: they change all the time. */
export const members = signal([]);
/** The newest events, newest first. */
export const events = signal([]);

const texts = new Map();
const known = new Map();
const order = new Intl.Collator("en", { numeric: true });
let life = 0;
let arrived = [];
let gathering = 0;

function put(target, value) {
  const text = JSON.stringify(value);
  if (texts.get(target) === text) return;
  texts.set(target, text);
  target.value = value;
}

/** The member of that name, or undefined. */
export function member(name) {
  return members.value.find((one) => one.name === name);
}

function takeMembers(views, receivedMs) {
  let changed = views.length !== known.size;
  const current = new Set();
  for (const { last_seen_ms: age, rtt_ms: rtt, ...facts } of views) {
    const text = JSON.stringify(facts);
    let entry = known.get(facts.name);
    if (!entry) {
      entry = { text: "", seen: signal(null), rtt: signal(null), member: null };
      known.set(facts.name, entry);
    }
    entry.seen.value = age === null ? null : receivedMs - age;
    entry.rtt.value = rtt;
    if (entry.text !== text) {
      entry.text = text;
      entry.member = { ...facts, seen: entry.seen, rtt: entry.rtt };
      changed = true;
    }
    current.add(facts.name);
  }
  for (const name of known.keys()) if (!current.has(name)) known.delete(name), (changed = true);
  if (changed) members.value = [...known.values()].map((entry) => entry.member).sort((a, b) => order.compare(a.name, b.name));
}

/** Take a snapshot in. Says whether it is another life of the agent than the last one's: event numbers begin anew then. */
export function takeStatus(view, receivedMs) {
  const before = self.peek();
  const reborn = before !== null && (before.started_us !== view.started_us || before.boot_id !== view.boot_id);
  if (reborn) life += 1;
  if (before !== null && before.boot_id !== view.boot_id) forget();
  batch(() => {
    observe(view.now_us, receivedMs);
    const { cluster, name, uuid, address, version, started_us, boot_id } = view;
    put(self, { cluster, name, uuid, address, version, started_us, boot_id });
    put(leader, view.leader);
    put(quorum, view.quorum);
    put(counts, view.counts);
    put(health, view.health);
    put(pastLeaders, view.leader_history);
    put(acting, view.acting_intervals);
    put(counters, view.counters);
    put(warnings, view.warnings);
    put(engine, view.engine);
    takeMembers(view.members, receivedMs);
    snapshots.value += 1;
  });
  return reborn;
}

/** Take an event in; those that come in one breath are shown at once. */
export function takeEvent(event) {
  arrived.push({ ...event, key: `${life}.${event.id}` });
  gathering ||= setTimeout(showEvents, GATHER_MS);
}

function showEvents() {
  const fresh = arrived;
  arrived = [];
  gathering = 0;
  const there = new Set(events.peek().map((event) => event.key));
  const added = fresh.filter((event) => !there.has(event.key) && there.add(event.key)).reverse();
  if (added.length) events.value = [...added, ...events.peek()].slice(0, EVENTS_KEPT);
}
