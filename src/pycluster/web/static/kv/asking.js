// The replicated state over HTTP: reads that fall back to this agent's own copy, writes that are done once.
import { call, sendJson } from "../http.js";
import { leader } from "../store.js";
import { after, decoded, percent, textOf, toBase64 } from "./bytes.js";

const QUORUM_MS = 2_500;
const WRITE_MS = 8_000;
/** Signs of a key in an address; a request's head has 16 KiB in all. */
const LONG = 4_000;
/** Refusals after which this agent's own copy may still answer. */
export const NOBODY = new Set(["no-leader", "timed-out"]);

function entry(view) {
  return {
    id: percent(decoded(view.key, view.key_encoding)),
    key: decoded(view.key, view.key_encoding),
    value: decoded(view.value, view.encoding),
    created: view.create_revision,
    changed: view.mod_revision,
    version: view.version,
    lease: view.lease,
  };
}

/** What a change's event says of its key. */
export const changeOf = (view) => entry(view);

/** A key in a query: as base64 where that is much shorter, since a request's head has a bound. */
function named(key) {
  const text = percent(key);
  return text.length < LONG ? `key=${text}` : `key=${encodeURIComponent(toBase64(key))}&key_encoding=base64`;
}

async function read(where, query, signal) {
  const parts = Object.entries(query).filter(([, value]) => value !== undefined && value !== 0 && value !== false);
  const text = parts.map(([name, value]) => `&${name}=${value === true ? 1 : value}`).join("");
  const path = `/kv?${where}${text}&timeout_ms=${QUORUM_MS}`;
  const stale = () => call(`${path}&serializable=1`, { signal });
  if (!leader.value?.leader) return stale();
  try {
    return await call(path, { signal });
  } catch (refused) {
    if (!NOBODY.has(refused.kind)) throw refused;
    return stale().catch(() => {
      throw refused;
    });
  }
}

/**
 * Keys from `start` to before `end`. `current` in the answer: nothing that was answered before is missing; else it is this
 * agent's own copy, which may be behind.
 */
export async function list({ start, end, limit = 0, keysOnly = false, countOnly = false, signal }) {
  const query = { limit, keys_only: keysOnly, count_only: countOnly };
  const answer = await read(`key=${percent(start)}&range_end=${percent(end)}`, query, signal);
  const { revision, count, more, linearizable: current } = answer;
  return { revision, count, more, current, entries: answer.kvs.map(entry) };
}

/** One key, now or as of `revision`: `{found, revision, current}`, `found` null where there is none. */
export async function get({ key, revision = 0, signal }) {
  try {
    // An interval that is just the key: an absent one is an empty answer then, and no error for a browser to complain of.
    const where = percent(key).length < LONG ? `key=${percent(key)}&range_end=${percent(after(key))}` : named(key);
    const { kvs, revision: at, linearizable: current } = await read(where, { revision }, signal);
    return { found: kvs.length ? entry(kvs[0]) : null, revision: at, current };
  } catch (refused) {
    if (refused.kind !== "key-not-found") throw refused;
    return { found: null, revision: 0, current: true };
  }
}

function spelt(name, bytes) {
  const text = textOf(bytes);
  const encoding = name === "key" ? "key_encoding" : "encoding";
  return text === null ? { [name]: toBase64(bytes), [encoding]: "base64" } : { [name]: text };
}

/** Write if the key is still at revision `at` (0: if it is not there). Gives the new revision. */
export async function put({ key, value, at, lease = "", write }) {
  const body = { ...spelt("key", key), ...spelt("value", value), lease, if_mod_revision: at };
  const answer = await call(`/kv?timeout_ms=${WRITE_MS}`, sendJson("PUT", body, { "idempotency-key": write }));
  return answer.revision;
}

/** Delete if the key is still at revision `at`. */
export async function remove({ key, at, write }) {
  const path = `/kv?${named(key)}&if_mod_revision=${at}&timeout_ms=${WRITE_MS}`;
  return call(path, { method: "DELETE", headers: { "idempotency-key": write } });
}

/** `{ttl_s, granted_ttl_s}` of a lease; null where it has ended. */
export async function lease(id, signal) {
  try {
    return await call(`/leases/${id}?timeout_ms=${QUORUM_MS}`, { signal });
  } catch (refused) {
    if (refused.kind !== "lease-not-found") throw refused;
    return null;
  }
}

/** The voters, this agent's copy and its disk. */
export function raft(signal) {
  return call("/raft", { signal });
}

/** A change of the voters: "transfer" to a node, "remove" its seat, or "add" one for it. Raises ``Refused`` with the agent's reasons. */
export function changeVoters(what, node) {
  return call(`/raft/${what}`, sendJson("POST", what === "transfer" ? { to: node } : { name: node }));
}
