// What to type to see the same.
function quoted(text) {
  if (/^[\w@%+=:,./][\w@%+=:,./-]*$/.test(text)) return text;
  const inQuotes = `'${text.replaceAll("'", `'\\''`)}'`;
  return text.startsWith("-") ? `-- ${inQuotes}` : inQuotes;
}

export const COMMANDS = {
  overview: "pycluster status",
  nodes: "pycluster members -o wide",
  elections: "pycluster explain leader",
  quorum: "pycluster reachability",
  topology: "pycluster rtt",
  events: "pycluster monitor",
  health: "pycluster health",
  settings: "pycluster settings show",
};

/** Why a node is in its state. */
export function explainNode(name) {
  return `pycluster explain node ${quoted(name)}`;
}
