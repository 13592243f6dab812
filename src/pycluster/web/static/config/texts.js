// Contents in a text area, which makes every end of a line the same: what was written elsewhere stays as it was.

/** Longer contents are no pleasure to edit in a page. */
const MOST = 128 * 1024;

/** `{text, dos}`: the content as it is typed, or null where a text area would change it, or it is too long. */
export function typed(content) {
  const dos = content.includes("\r\n");
  const text = dos ? content.replaceAll("\r\n", "\n") : content;
  // Ends of both kinds could not be told apart afterwards.
  if (text.includes("\r") || (dos && text.split("\n").length !== content.split("\r\n").length) || text.length > MOST) return null;
  return { text, dos };
}

/** The content that was typed as that. */
export function contentOf(text, dos) {
  return dos ? text.replaceAll("\n", "\r\n") : text;
}
