// Addresses of the configuration's pages: which folder, which entry, which version, and what is being done with it.
import { parameter } from "../router.js";

const numberOf = (text) => (/^[1-9]\d{0,9}$/.test(text) ? Number(text) : 0);

function placeOf(get) {
  const name = get("name");
  const prefix = get("prefix");
  return {
    prefix: !name || name.startsWith(prefix) ? prefix : "",
    filter: get("q"),
    tree: get("tree") === "1",
    name,
    version: numberOf(get("version")),
    as: get("as"),
    doing: get("do"),
    history: get("history") === "1",
    from: numberOf(get("from")),
    to: numberOf(get("to")),
  };
}

/** What the address says of the entries. An entry that does not lie below the folder is shown among all. */
export const here = () => placeOf(parameter);

/** Whether the editor that is open stays so at that address. */
export function keeps(place, href) {
  const { pathname, searchParams } = new URL(href, location.href);
  const there = placeOf((name) => searchParams.get(name) ?? "");
  return pathname.replace(/\/+$/, "") === "/configuration" && there.doing === place.doing && there.name === place.name;
}

const ORDER = ["prefix", "filter", "tree", "name", "version", "as", "doing", "history", "from", "to"];
const SPELT = { filter: "q", doing: "do" };
/** What is said of one entry, and goes with it. */
export const CLOSED = { name: "", version: 0, as: "", doing: "", history: false, from: 0, to: 0 };

/** The address of the place that differs from `place` in what `changes` says. */
export function pathOf(place, changes = {}) {
  const wanted = { ...place, ...changes };
  const query = new URLSearchParams();
  for (const key of ORDER) {
    const value = wanted[key];
    if (value) query.set(SPELT[key] ?? key, value === true ? "1" : String(value));
  }
  const text = query.toString();
  return text ? `/configuration?${text}` : "/configuration";
}

/** The address of one entry, among all. */
export function entryPath(name, changes = {}) {
  return pathOf({ ...CLOSED, name }, changes);
}

/** The address of what a node gets, of one entry where it is named. */
export function effectivePath(node, name = "") {
  const query = new URLSearchParams({ ...(node ? { node } : {}), ...(name ? { name } : {}) }).toString();
  return `/configuration/effective${query ? `?${query}` : ""}`;
}

/** The address of one rollout, the newest of the entry where no version is named. */
export function rolloutPath(name, version = 0) {
  const query = new URLSearchParams({ name, ...(version ? { version } : {}) });
  return `/configuration/rollouts?${query}`;
}
