// The configuration over HTTP: entries and their versions, changes that are done once, what nodes get, rendered files.
import { Refused, call, sendJson } from "../http.js";
import { NOBODY, list as keys } from "../kv/asking.js";
import { after, bytesOf, prefixEnd, textOf } from "../kv/bytes.js";
import { leader } from "../store.js";

const READ_MS = 4_000;
const WRITE_MS = 15_000;
const PAGE = 500;
/** More entries than these are no list that anybody reads. */
const PAGES_MOST = 10;
const ENTRIES = "/pycluster/config/entry/";

/** The interval of keys that hold the entries below `prefix`: `{first, end}`. */
export function intervalOf(prefix) {
  const first = bytesOf(ENTRIES + prefix);
  return { first, end: prefixEnd(first) };
}

/** The entry whose key changed. */
export const entryOf = (key) => new TextDecoder().decode(key).slice(ENTRIES.length);

function read(path, query, signal) {
  return call(`/config${path}?${new URLSearchParams({ ...query, timeout_ms: READ_MS })}`, { signal });
}

function write(path, body, id) {
  return call(`/config${path}?timeout_ms=${WRITE_MS}`, sendJson("POST", body, { "idempotency-key": id }));
}

/** What stands at keys, as entries; somebody else may have written there what is none. */
function entriesIn(kvs) {
  return kvs.flatMap(({ key, value }) => {
    try {
      const entry = JSON.parse(textOf(value));
      return [{ ...entry, name: entryOf(key), size: bytesOf(entry.content).length, current: true }];
    } catch {
      return [];
    }
  });
}

/** What `ask()` gives, or where nobody leads what this agent's own copy has of the keys between. */
async function orOwn(ask, { first: start, end }, signal) {
  const own = async () => {
    const { revision, current, entries } = await keys({ start, end, signal });
    return { revision, current, entries: entriesIn(entries), more: false };
  };
  if (!leader.value?.leader) return own();
  try {
    return await ask();
  } catch (refused) {
    if (!NOBODY.has(refused.kind)) throw refused;
    return own().catch(() => {
      throw refused;
    });
  }
}

/** `{revision, entries, more}`: all entries below `prefix`, by name, without their contents; `current` false where that may be behind. */
export const list = (prefix, signal) => orOwn(() => all(prefix, signal), intervalOf(prefix), signal);

async function all(prefix, signal) {
  const entries = [];
  let revision = 0;
  for (let page = 0; page < PAGES_MOST; page += 1) {
    const found = await read("", { prefix, after: entries.at(-1)?.name ?? "", limit: PAGE }, signal);
    revision ||= found.revision;
    entries.push(...found.entries);
    if (!found.more) return { revision, entries, more: false };
  }
  return { revision, entries, more: true };
}

/** The first entries below `prefix`. */
export const first = (prefix, limit, signal) => read("", { prefix, limit }, signal);

/** One version with its content, 0: the current one, also from this agent's own copy. */
export async function get(name, version, signal) {
  const ask = () => read("/entry", { name, version }, signal);
  if (version) return ask();
  const start = bytesOf(ENTRIES + name);
  const found = await orOwn(async () => ({ entries: [await ask()] }), { first: start, end: after(start) }, signal);
  if (!found.entries.length) throw new Refused(404, { what: `there is no entry ${name}`, kind: "key-not-found" });
  return found.entries[0];
}

/** The versions that are kept, the newest first, without contents. */
export const history = async (name, signal) => (await read("/history", { name }, signal)).versions;

/** What `node` gets of the entries that begin with `prefix`: `{node, revision, entries}`. */
export const effective = (node, prefix, signal) => read("/effective", { node, prefix }, signal);

/** Write one entry, or delete it (`content` null), if it still has version `at` (0: there is none). */
export function change({ name, content, format, at, author, reason, id }) {
  const entry = { name, content, if_version: at, ...(format ? { format } : {}) };
  return write("/change", { entries: [entry], author, reason }, id);
}

/** Make what version `to` was a new version. */
export const rollback = ({ name, to, at, author, reason, id }) => write("/rollback", { name, to, if_version: at, author, reason }, id);

/** This node's rendered files: `{node, files}`. */
export const rendered = (signal) => call("/config/rendered", { signal });

/** Render one of this node's files; `look`: only look what would come of it. */
export const render = (name, look) => call("/config/render?timeout_ms=60000", sendJson("POST", { name, dry_run: look }));

/** Whether that would be accepted; raises ``Refused`` with kind "unfit" and all mistakes where not. */
export function check({ name, content, format, at }) {
  const entry = { name, content, if_version: at, ...(format ? { format } : {}) };
  return call(`/config/change?timeout_ms=${WRITE_MS}`, sendJson("POST", { entries: [entry], dry_run: true }));
}

/**
 * A text that is being written, read: `{value, below, schemas, problems, content, anew}`. `edits` are changes of its parts
 * (`{place, json}`, json null: away with it), put into the text, whose layout `anew` says is lost.
 */
export function draft({ name, content, format, edits = [] }, signal) {
  return call(`/config/draft?timeout_ms=${WRITE_MS}`, { ...sendJson("POST", { name, content, edits, ...(format ? { format } : {}) }), signal });
}
