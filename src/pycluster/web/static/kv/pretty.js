// JSON laid out in lines without being read: a number stays the digits that it is, a repeated name stays twice.
const TOKENS = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;

/** The text in lines, or null where it is no JSON object or list. */
export function pretty(text) {
  if (!/^\s*[{[]/.test(text)) return null;
  try {
    JSON.parse(text);
  } catch {
    return null;
  }
  const tokens = text.match(TOKENS);
  let depth = 0;
  let out = "";
  const line = () => `\n${"  ".repeat(depth)}`;
  tokens.forEach((token, at) => {
    if (token === "{" || token === "[") {
      depth += 1;
      out += token + (tokens[at + 1] === (token === "{" ? "}" : "]") ? "" : line());
    } else if (token === "}" || token === "]") {
      depth -= 1;
      out += (tokens[at - 1] === "{" || tokens[at - 1] === "[" ? "" : line()) + token;
    } else if (token === ",") out += token + line();
    else out += token === ":" ? ": " : token;
  });
  return out;
}
