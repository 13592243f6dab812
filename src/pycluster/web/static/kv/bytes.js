// Keys and values are bytes: to and from text, base64, addresses and what people can look at.
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();
/** Signs that cannot be seen, or that turn the order of others round. */
const UNSEEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** The text that the bytes are, or null where they are none. */
export function textOf(bytes) {
  try {
    return strict.decode(bytes);
  } catch {
    return null;
  }
}

export function bytesOf(text) {
  return encoder.encode(text);
}

export function fromBase64(text) {
  return Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
}

export function toBase64(bytes) {
  let binary = "";
  for (let at = 0; at < bytes.length; at += 8_192) binary += String.fromCharCode(...bytes.subarray(at, at + 8_192));
  return btoa(binary);
}

/** What the API says of a key or a value, as bytes. */
export function decoded(text, encoding) {
  return encoding === "base64" ? fromBase64(text) : bytesOf(text);
}

/** Percent-encoded, every byte as it is: what the API takes in a query. */
export function percent(bytes) {
  const text = textOf(bytes);
  // A lone surrogate never comes out of a decoder, so this cannot throw.
  if (text !== null) return encodeURIComponent(text);
  return [...bytes].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
}

/** Text in which nothing is hidden: what cannot be seen is written out. */
export function plain(text) {
  return text.replace(UNSEEN, (sign) => `\\u{${sign.codePointAt(0).toString(16)}}`);
}

/** A key for people: its text in one line, or its bytes with those that are none written out. */
export function readable(bytes) {
  const text = textOf(bytes);
  if (text !== null) return plain(text).replace(/[\t\n\r]/g, (sign) => ({ "\t": "\\t", "\n": "\\n", "\r": "\\r" })[sign]);
  return [...bytes].map((byte) => (byte > 31 && byte < 127 ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, "0")}`)).join("");
}

/** The first key past all that begin so; one zero byte where there is no end. */
export function prefixEnd(prefix) {
  let length = prefix.length;
  while (length && prefix[length - 1] === 255) length -= 1;
  if (!length) return Uint8Array.of(0);
  const end = prefix.slice(0, length);
  end[length - 1] += 1;
  return end;
}

export function startsWith(bytes, prefix) {
  return bytes.length >= prefix.length && prefix.every((byte, at) => byte === bytes[at]);
}

/** The key right behind this one. */
export function after(key) {
  const next = new Uint8Array(key.length + 1);
  next.set(key);
  return next;
}

/** The first `rows` rows of `width` bytes: place, bytes, and what of them is ASCII. */
export function hexDump(bytes, rows, width) {
  const lines = [];
  for (let at = 0; at < bytes.length && lines.length < rows; at += width) {
    const row = [...bytes.subarray(at, at + width)];
    const hex = row.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const signs = row.map((byte) => (byte > 31 && byte < 127 ? String.fromCharCode(byte) : ".")).join("");
    lines.push(`${at.toString(16).padStart(width > 8 ? 6 : 4, "0")}  ${hex.padEnd(3 * width - 1)}  ${signs}`);
  }
  return lines.join("\n");
}

/** Bytes from hexadecimal digits with any white space, or null. */
export function fromHex(text) {
  const digits = text.replace(/\s+/g, "");
  if (digits.length % 2 || /[^0-9a-fA-F]/.test(digits)) return null;
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

export function toHex(bytes) {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ").replace(/(.{47}) /g, "$1\n");
}

/** "12 bytes", "1.5 KiB". */
export function size(count) {
  if (count === null || count === undefined) return "–";
  if (count < 1024) return count === 1 ? "1 byte" : `${count} bytes`;
  return count < 1 << 20 ? `${(count / 1024).toFixed(1)} KiB` : `${(count / (1 << 20)).toFixed(1)} MiB`;
}
