// A page of keys: the next ones in order, or what lies directly under a prefix.
import { list } from "./asking.js";
import { after, prefixEnd } from "./bytes.js";
import { PAGE, intervalOf } from "./places.js";

const TREE_STEP = 100;
/** A level whose folders hold so many keys that these requests do not fill a page is shown as far as they go. */
const TREE_STEPS = 12;
const SLASH = 47;

/** How many keys lie before this page, and in all. */
async function counted(place, here, signal) {
  if (!place.from.length) return { before: 0, all: here };
  const { first, end } = intervalOf(place);
  const { count } = await list({ start: first, end, countOnly: true, signal });
  return { before: count - here, all: count };
}

/** Keys with their values, or without where these are too large for one answer: then they are null. */
async function listed(wanted) {
  try {
    return await list(wanted);
  } catch (refused) {
    if (refused.kind !== "request-too-large") throw refused;
    const answer = await list({ ...wanted, keysOnly: true });
    return { ...answer, entries: answer.entries.map((one) => ({ ...one, value: null })) };
  }
}

/** `{rows, revision, current, before, all, next}`; `next` is where the next page begins, or null. */
export async function flatPage(place, signal) {
  const { start, end } = intervalOf(place);
  const { revision, current, entries, more, count } = await listed({ start, end, limit: PAGE, signal });
  const numbers = await counted(place, count, signal);
  return { rows: entries, revision, current, ...numbers, next: more && entries.length ? after(entries.at(-1).key) : null };
}

/** The same of one level: keys, and folders `{folder, count}` of what has another "/" behind the prefix. */
export async function treePage(place, signal) {
  const { end, start } = intervalOf(place);
  const rows = [];
  let at = start;
  let found = null;
  let next = null;
  for (let step = 0; step < TREE_STEPS; step += 1) {
    const answer = await listed({ start: at, end, limit: TREE_STEP, signal });
    found ??= answer;
    for (const one of answer.entries) add(rows, one, place.prefix.length);
    const last = rows.at(-1);
    next = null;
    if (!answer.more) break;
    next = last.folder ? prefixEnd(last.folder) : after(last.key);
    if (last.folder) {
      // The rest of it is skipped, so it is counted by whoever has the index.
      last.count = (await list({ start: last.folder, end: next, countOnly: true, signal })).count;
    }
    if (rows.length >= PAGE) break;
    at = next;
  }
  if (rows.length > PAGE) {
    next = rows[PAGE].folder ?? rows[PAGE].key;
    rows.length = PAGE;
  }
  const numbers = await counted(place, found.count, signal);
  return { rows, revision: found.revision, current: found.current, ...numbers, next };
}

function add(rows, one, length) {
  const slash = one.key.indexOf(SLASH, length);
  if (slash < 0) {
    rows.push(one);
    return;
  }
  const last = rows.at(-1);
  const folder = one.key.slice(0, slash + 1);
  if (last?.folder && last.folder.length === folder.length && last.folder.every((byte, place) => byte === folder[place])) last.count += 1;
  else rows.push({ folder, count: 1, id: `folder-${one.id}` });
}

/** The prefixes on the way to this one: `[{name, prefix}]`. */
export function crumbs(prefix) {
  const found = [];
  let from = 0;
  for (let at = prefix.indexOf(SLASH); at >= 0; at = prefix.indexOf(SLASH, from)) {
    found.push({ name: prefix.slice(from, at + 1), prefix: prefix.slice(0, at + 1) });
    from = at + 1;
  }
  if (from < prefix.length) found.push({ name: prefix.slice(from), prefix });
  return found;
}
