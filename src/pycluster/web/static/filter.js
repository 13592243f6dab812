// Filters: words that must all be there; `key:value` asks one property, a leading "-" turns a word round.
function terms(text) {
  return text.toLowerCase().split(/\s+/).filter(Boolean).map((word) => {
    const not = word.length > 1 && word.startsWith("-");
    const bare = not ? word.slice(1) : word;
    const colon = bare.indexOf(":");
    return { not, bare, key: colon > 0 ? bare.slice(0, colon) : "", value: bare.slice(colon + 1) };
  });
}

function compile(text, properties, whole) {
  const wanted = terms(text);
  return (item) => {
    if (!wanted.length) return true;
    const everything = whole(item).toLowerCase();
    return wanted.every(({ not, bare, key, value }) => {
      const property = key && Object.hasOwn(properties, key) ? properties[key] : null;
      const found = property ? property(item).toLowerCase().startsWith(value) : everything.includes(bare);
      return found !== not;
    });
  };
}

const NODE = {
  name: (node) => node.name,
  state: (node) => node.state,
  role: (node) => node.role,
  zone: (node) => node.zone,
  region: (node) => node.region,
  version: (node) => node.version,
  voter: (node) => (node.voter ? "yes" : "no"),
};
const tagText = (node) => Object.entries(node.tags).map(([key, value]) => `${key}=${value}`).join(" ");

const nodeText = (node) => [
  node.name, node.host, node.address, node.state, node.role, node.zone, node.region, node.version, tagText(node),
].join(" ");

/** A test for nodes: `state:down zone:b rack=r1 -node007`. */
export function nodeFilter(text) {
  return compile(text, NODE, nodeText);
}

const EVENT = {
  kind: (event) => event.kind,
  node: (event) => event.node,
  term: (event) => String(event.term),
};

/** A test for events: `kind:member node:node004`. */
export function eventFilter(text) {
  return compile(text, EVENT, (event) => `${event.kind} ${event.text} ${event.node}`);
}

const ENTRY = {
  name: (entry) => entry.name,
  author: (entry) => entry.author,
  format: (entry) => entry.format,
  is: (entry) => (entry.name.endsWith("@schema") ? "schema" : entry.name.includes("@") ? "override" : "entry"),
};

/** A test for configuration entries: `is:override author:ada web`. */
export function entryFilter(text) {
  return compile(text, ENTRY, (entry) => `${entry.name} ${entry.author} ${entry.reason}`);
}
