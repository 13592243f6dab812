// What a form can ask, out of JSON schemas: objects, texts, numbers, yes and no, choices, lists of these. All else is text.

const DEPTH_MOST = 12;
const OTHER = { kind: "other" };
const SCALARS = new Set(["string", "number", "integer", "boolean", "choice"]);

/** The schema that a reference within `root` leads to; null where it leads nowhere. */
function followed(schema, root) {
  let at = schema;
  for (let step = 0; step < DEPTH_MOST; step += 1) {
    if (typeof at?.$ref !== "string") return at;
    if (at.$ref !== "#" && !at.$ref.startsWith("#/")) return null;
    let found = root;
    for (const part of at.$ref.split("/").slice(1)) {
      let name = part;
      try {
        name = decodeURIComponent(part);
      } catch {
        // then it is meant as it stands
      }
      name = name.replaceAll("~1", "/").replaceAll("~0", "~");
      if (found === null || typeof found !== "object" || !Object.hasOwn(found, name)) return null;
      found = found[name];
    }
    // What stands beside a reference counts, too.
    const { $ref: _, ...beside } = at;
    at = found === true ? beside : { ...found, ...beside };
  }
  return null;
}

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

function kindOf(schema) {
  const types = (Array.isArray(schema.type) ? schema.type : schema.type === undefined ? [] : [schema.type]).filter((one) => one !== "null");
  if (Array.isArray(schema.enum)) return "choice";
  if (types.length > 1) return "other";
  if (types.length) return types[0];
  if (isObject(schema.properties)) return "object";
  return "other";
}

/** The shape of one schema: `{kind, title, about, …}`, kind "object", "list", "choice", "string", "number", "integer", "boolean" or "other". */
function shapeOf(given, root, depth) {
  const schema = followed(given, root);
  if (!isObject(schema) || depth > DEPTH_MOST) return OTHER;
  const kind = kindOf(schema);
  const words = (value) => (typeof value === "string" ? value : "");
  const said = { title: words(schema.title), about: words(schema.description), preset: schema.default, schema };
  if (kind === "object" && isObject(schema.properties)) {
    const needed = new Set(Array.isArray(schema.required) ? schema.required : []);
    const fields = Object.entries(schema.properties).map(([name, inner]) => ({ name, needed: needed.has(name), shape: shapeOf(inner, root, depth + 1) }));
    return { ...said, kind, fields };
  }
  if (kind === "array") {
    const item = shapeOf(schema.items, root, depth + 1);
    return SCALARS.has(item.kind) ? { ...said, kind: "list", item } : { ...said, kind: "other" };
  }
  if (kind === "choice") {
    const options = schema.enum.filter((one) => one !== null);
    return options.every((one) => typeof one !== "object") ? { ...said, kind, options } : { ...said, kind: "other" };
  }
  return { ...said, kind: SCALARS.has(kind) ? kind : "other" };
}

/** Two shapes of the same part: what the narrower schema says counts, objects have the fields of both. */
function joined(wide, narrow) {
  if (narrow.kind === "other") return { ...narrow, ...wide };
  if (wide.kind !== "object" || narrow.kind !== "object") return narrow;
  const fields = new Map(wide.fields.map((field) => [field.name, field]));
  for (const field of narrow.fields) {
    const other = fields.get(field.name);
    fields.set(field.name, other ? { ...field, needed: field.needed || other.needed, shape: joined(other.shape, field.shape) } : field);
  }
  return { ...narrow, fields: [...fields.values()] };
}

/** The shape of what must fit all of `schemas`, the widest first; null where no form can ask it. */
export function formOf(schemas) {
  const shapes = schemas.map((one) => shapeOf(one, one, 0)).filter((shape) => shape.kind === "object");
  return shapes.length ? shapes.reduce(joined) : null;
}

/** A place as the agent writes it: "/server/port". */
export function pointerOf(place) {
  return place.map((part) => `/${part}`).join("");
}
