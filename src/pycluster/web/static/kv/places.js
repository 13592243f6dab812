// Addresses of the keys' page: which prefix, which key, as of which revision, and what is being done with it.
import { parameter } from "../router.js";
import { fromBase64, percent, prefixEnd, startsWith, textOf, toBase64, bytesOf } from "./bytes.js";

/** Keys of one page. */
export const PAGE = 50;

/** A parameter that is bytes: `name` where it is text, `name64` where it is not. */
function bytesParameter(name, get) {
  const coded = get(`${name}64`);
  if (!coded) return bytesOf(get(name));
  try {
    return fromBase64(coded);
  } catch {
    return bytesOf(coded);
  }
}

const revisionOf = (text) => (/^[1-9]\d{0,15}$/.test(text) ? Number(text) : 0);

function placeOf(get) {
  const key = bytesParameter("key", get);
  const prefix = bytesParameter("prefix", get);
  const fits = !key.length || startsWith(key, prefix);
  return {
    prefix: fits ? prefix : new Uint8Array(),
    key: key.length ? key : null,
    from: fits ? bytesParameter("from", get) : new Uint8Array(),
    tree: get("tree") === "1",
    at: revisionOf(get("at")),
    as: get("as"),
    doing: get("do"),
    history: get("history") === "1",
  };
}

/** What the address says. A key that does not begin with the prefix is shown among all keys. */
export const here = () => placeOf(parameter);

/** Whether the editor that is open stays so at that address. */
export function keeps(place, href) {
  const { pathname, searchParams } = new URL(href, location.href);
  const there = placeOf((name) => searchParams.get(name) ?? "");
  if (pathname.replace(/\/+$/, "") !== "/keys" || there.doing !== place.doing) return false;
  return place.doing === "new" || (there.key !== null && percent(there.key) === percent(place.key));
}

function spelt(name, bytes) {
  if (!bytes?.length) return {};
  const text = textOf(bytes);
  return text === null ? { [`${name}64`]: toBase64(bytes) } : { [name]: text };
}

/** The address of the place that differs from `place` in what `changes` says. */
export function pathOf(place, changes) {
  const { prefix, key, from, tree, at, as, doing, history } = { ...place, ...changes };
  const query = new URLSearchParams({ ...spelt("prefix", prefix), ...spelt("from", from), ...(tree ? { tree: "1" } : {}), ...spelt("key", key) });
  if (key && at) query.set("at", String(at));
  if (key && as) query.set("as", as);
  if (doing) query.set("do", doing);
  if (key && history) query.set("history", "1");
  const text = query.toString();
  return text ? `/keys?${text}` : "/keys";
}

/** Whether the key that is open does not begin with the prefix, so that it is closed where that is listed. */
const closes = (place, prefix) => place.key !== null && !startsWith(place.key, prefix);

/** The parameters of what begins with the text; what is open stays open where it can. */
export function typedPrefix(place, text) {
  const closed = closes(place, bytesOf(text)) ? { key: "", key64: "", at: "", as: "", history: "", do: place.doing === "new" ? "new" : "" } : {};
  return { prefix: text, prefix64: "", from: "", from64: "", ...closed };
}

/** The address of what begins with the prefix; what is open stays open where it can. */
export function pathUnder(place, prefix) {
  const closed = closes(place, prefix) ? { key: null, doing: place.doing === "new" ? "new" : "" } : {};
  return pathOf(place, { prefix, from: null, ...closed });
}

/** The address of one key, among all. */
export function keyPath(key) {
  return pathOf({}, { key });
}

/** The interval that a place shows: `{start, end}`. */
export function intervalOf(place) {
  // The empty key does not exist, so the first one possible is one zero byte.
  const first = place.prefix.length ? place.prefix : Uint8Array.of(0);
  return { first, start: place.from.length ? place.from : first, end: prefixEnd(place.prefix) };
}
