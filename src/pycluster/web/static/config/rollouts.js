// Rollouts over HTTP: a new version brought to some nodes at a time; and how they are said in words.
import { call, sendJson } from "../http.js";
import { bytesOf, prefixEnd } from "../kv/bytes.js";

const READ_MS = 4_000;
const WRITE_MS = 15_000;
const FIRST = bytesOf("/pycluster/rollout/");
/** The interval of keys in which rollouts stand, and what nodes report. */
export const ROLLOUT_KEYS = { first: FIRST, end: prefixEnd(FIRST) };
/** The interval of keys that say which versions a node may have before they are in force. */
export function releasesOf(node) {
  const first = bytesOf(`/pycluster/rollout/release/${node}/`);
  return { first, end: prefixEnd(first) };
}
/** The states in which nothing more happens. */
export const OVER = new Set(["done", "rolled-back", "aborted"]);

/** How each state of a rollout looks, and its word. */
export const RUN_STATES = {
  running: { tone: "moving", word: "rolling out" },
  paused: { tone: "suspect", word: "paused" },
  "rolling-back": { tone: "suspect", word: "going back" },
  done: { tone: "alive", word: "done" },
  "rolled-back": { tone: "down", word: "gone back" },
  aborted: { tone: "left", word: "aborted" },
};
/** The same of a node in it; `reached`: how far on its way it is, of 2. */
export const LANE_STATES = {
  waiting: { tone: "unknown", word: "waiting", reached: 0 },
  absent: { tone: "left", word: "not alive", reached: 0 },
  changing: { tone: "moving", word: "changing", reached: 1 },
  good: { tone: "alive", word: "in place", reached: 2 },
  failed: { tone: "down", word: "failed", reached: 1 },
  gone: { tone: "left", word: "gone", reached: 0 },
  returning: { tone: "suspect", word: "going back", reached: 1 },
  back: { tone: "left", word: "back", reached: 0 },
  untouched: { tone: "left", word: "untouched", reached: 0 },
};

function read(path, query, signal) {
  return call(`/config/${path}?${new URLSearchParams({ ...query, timeout_ms: READ_MS })}`, { signal });
}

function write(path, body, id) {
  return call(`/config/${path}?timeout_ms=${WRITE_MS}`, sendJson("POST", body, { "idempotency-key": id }));
}

/** `{revision, rollouts}`, the newest first, without lanes. */
export const rollouts = (prefix, signal) => read("rollouts", { prefix }, signal);

/** One with its lanes, as of `revision` at least: `{revision, view}`; view null where the entry never had one. */
export async function rollout(name, version, signal) {
  const { revision, rollouts: all } = await rollouts(name, signal);
  const there = all.some((one) => one.name === name && (!version || one.version === version));
  return { revision, view: there ? await read("rollout", { name, version }, signal) : null };
}

/** What every node has in place, by its own report: `{revision, nodes}`. */
export const placed = (signal) => read("nodes", {}, signal);

/** Begin one, if the entry still has version `at`. */
export function start({ name, content, format, at, author, reason, strategy, id }) {
  return write("rollout", { name, content, if_version: at, author, reason, strategy, ...(format ? { format } : {}) }, id);
}

/** `to` is "pause", "resume" or "abort". */
export const steer = ({ name, version, to, author, reason, id }) => write("rollout/steer", { name, version, to, author, reason }, id);

/** What a rollout begins with where nobody says otherwise. */
export const STRATEGY = { canary: 1, batch: 0, percent: 25, soak_s: 0, timeout_s: 60, failures: 0, on_failure: "rollback" };

/** A strategy as the command line takes it. */
export function spelt({ canary, batch, percent, soak_s: soak, timeout_s: timeout, failures, on_failure: then }) {
  const parts = [
    canary && `canary=${canary}`,
    batch ? `batch=${batch}` : percent && `batch=${percent}%`,
    soak && `soak=${soak}s`,
    timeout !== 60 && `timeout=${timeout}s`,
    failures && `failures=${failures}`,
    then !== "rollback" && `on-failure=${then}`,
  ].filter(Boolean);
  return parts.length ? parts.join(",") : "all";
}

/** The same for people. */
export function inWords({ canary, batch, percent, soak_s: soak, timeout_s: timeout, failures, on_failure: then }) {
  const others = batch ? `${batch} at a time` : percent ? `${percent} % at a time` : canary ? "all others" : "all at once";
  return [
    canary && `${canary} first (canary)`,
    `${canary ? "then " : ""}${others}`,
    soak > 0 && `${soak} s between them`,
    `${timeout} s for a node`,
    `${failures ? `more than ${failures} ${failures === 1 ? "failure" : "failures"}` : "a failure"} ${then === "pause" ? "pauses it" : "brings the old version back"}`,
  ].filter(Boolean).join(", ");
}
