// Names of entries: the path, and behind an @ whether it overrides it somewhere, or is its schema.

/** Where an override counts, from many nodes to one. */
export const SCOPES = ["region", "zone", "tag", "node"];

/** `{text, path, scope, value, schema}`: `scope` is "" for what is no override. */
export function nameOf(text) {
  const at = text.indexOf("@");
  const path = at < 0 ? text : text.slice(0, at);
  const rest = at < 0 ? "" : text.slice(at + 1);
  const colon = rest.indexOf(":");
  const scope = colon > 0 && SCOPES.includes(rest.slice(0, colon)) ? rest.slice(0, colon) : "";
  return { text, path, scope, value: scope ? rest.slice(colon + 1) : "", schema: rest === "schema" };
}

/** "node web7", "schema", or "" for an entry itself: what stands behind the @, in words. */
export function partOf({ scope, value, schema }) {
  if (schema) return "schema";
  return scope ? `${scope} ${value}` : "";
}

/** The folders on the way to what the text begins with: `[{name, prefix}]`. */
export function crumbs(prefix) {
  const folders = prefix.split("/").slice(0, -1);
  return folders.map((name, at) => ({ name: `${name}/`, prefix: `${folders.slice(0, at + 1).join("/")}/` }));
}

/** The last part of a path. */
export function leaf(text) {
  return text.slice(text.lastIndexOf("/", text.includes("@") ? text.indexOf("@") : undefined) + 1);
}

/** The format that a name's ending says. */
export function formatOf(text) {
  const { path, schema } = nameOf(text);
  if (schema) return "yaml";
  const ending = /\.([^./]+)$/.exec(path)?.[1].toLowerCase();
  return { json: "json", yaml: "yaml", yml: "yaml", toml: "toml" }[ending] ?? "text";
}
