// What to type to see, or to do, the same.
import { plain, textOf } from "./kv/bytes.js";

function quoted(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Arguments after options, none of them taken for one. */
function words(...texts) {
  return `${texts.some((text) => text.startsWith("-")) ? "-- " : ""}${texts.map(quoted).join(" ")}`;
}

export const COMMANDS = {
  overview: "pycluster status",
  nodes: "pycluster members -o wide",
  elections: "pycluster explain leader",
  raft: "pycluster raft peers -o wide",
  topology: "pycluster rtt",
  events: "pycluster monitor",
  health: "pycluster health",
  settings: "pycluster settings show",
  rendered: "pycluster config rendered",
  placed: "pycluster config nodes",
  rollouts: "pycluster config rollout list",
};

/** Why a node is in its state. */
export function explainNode(name) {
  return `pycluster explain node ${words(name)}`;
}

/** Whether a shell's argument can be that, and a person sees all of it. */
function sayable(text) {
  return text !== null && plain(text) === text && !/[\n\r\t]/.test(text);
}

/** Values longer than this come from a file. */
const VALUE_MOST = 120;

/** Of keys; empty where a command line cannot name the key. */
export const KV = {
  list: (prefix) => kv(["list"], prefix),
  watch: (prefix) => kv(["watch", "-prefix"], prefix, true),
  get: (key, revision) => kv(["get", ...(revision ? ["-rev", revision] : [])], key),
  put(key, value, at, lease) {
    const text = textOf(value);
    const short = sayable(text) && text.length > 0 && text.length <= VALUE_MOST && text !== "-";
    const options = [...(at ? ["-if-rev", at] : ["-if-absent"]), ...(lease ? ["-lease", lease] : [])];
    const line = kv(["put", ...options], key, false, short ? [text] : ["-"]);
    return line && !short ? `${line} < FILE` : line;
  },
  remove: (key, at) => kv(["del", ...(at ? ["-if-rev", at] : [])], key),
};

function kv(verb, key, always = false, more = []) {
  const text = textOf(key);
  if (!sayable(text)) return "";
  if (!text && !always && !more.length) return `pycluster kv ${verb.join(" ")}`;
  // A lone "-" is standard input, not an option.
  const rest = more[0] === "-" ? `${words(text)} -` : words(text, ...more);
  return `pycluster kv ${verb.join(" ")} ${rest}`;
}

/** What changes the voters. */
export function voters(what, name) {
  return `pycluster raft ${what}${name ? ` ${words(name)}` : ""}`;
}

/** Of configuration entries. What a shell cannot be told in one line, such as a reason of several, is left out. */
export const CONFIG = {
  list: (prefix) => config("list", [], ...(prefix ? [prefix] : [])),
  watch: (prefix) => config("watch", [], ...(prefix ? [prefix] : [])),
  get: (name, version) => config("get", version ? ["-version", version] : [], name),
  history: (name) => config("history", [], name),
  diff: (name, from, to) => config("diff", ["-from", from, "-to", to], name),
  put: (name, { at, format, author, reason, rollout }) =>
    `${config("put", ["-if-version", at, ...(format ? ["-format", format] : []), ...(rollout ? ["-rollout", quoted(rollout)] : []), ...said(author, reason)], name)} < FILE`,
  validate: (name, format) => `${config("validate", format ? ["-format", format] : [], name)} < FILE`,
  rollback: (name, to, { at, author, reason }) => config("rollback", ["-to", to, "-if-version", at, ...said(author, reason)], name),
  remove: (name, { at, author, reason }) => config("del", ["-if-version", at, ...said(author, reason)], name),
  effective: (node, name) => config("effective", [], node, ...(name ? [name] : [])),
  rollout: (name, version) => config("rollout show", version ? ["-version", version] : [], name),
  steer: (to, name, version, { author, reason }) => config(`rollout ${to}`, ["-version", version, ...said("", reason)], name),
  look: (name) => config("render", ["-dry-run", "-diff"], name),
  render: (name) => config("render", [], name),
};

function config(verb, options, ...names) {
  return `pycluster config ${[verb, ...options].join(" ")} ${words(...names)}`.trimEnd();
}

/** Who changes something and why, as options; a word that looks like an option is joined to its own. */
function said(author, reason) {
  const option = (name, text) => (text.startsWith("-") ? [quoted(`${name}=${text}`)] : [name, quoted(text)]);
  return [...(author && sayable(author) ? option("--author", author) : []), ...(reason && sayable(reason) ? option("--reason", reason) : [])];
}
