// Requests to the agent that serves this page, and its refusals.

/** A refusal, in the agent's words. */
export class Refused extends Error {
  constructor(status, { what = "", why = "", remedy = "", kind = "", retryable = false } = {}) {
    super(what || `the agent answered with status ${status}`);
    Object.assign(this, { status, what: this.message, why, remedy, kind, retryable });
  }
}

/** What the agent answers; raises ``Refused``. */
export async function call(path, options = {}) {
  let answer;
  try {
    answer = await fetch(`/api/v1${path}`, { cache: "no-store", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused(0, { what: "the agent does not answer", remedy: "try again in a moment", retryable: true });
  }
  let body = {};
  try {
    body = await answer.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    if (answer.ok) throw new Refused(0, { what: "the agent’s answer broke off", remedy: "try again in a moment", retryable: true });
  }
  // A command's refusal is its outcome, any other's stands under "error".
  if (!answer.ok) throw new Refused(answer.status, body.error ?? body);
  return body;
}

/** The options of a request that sends JSON. */
export const sendJson = (method, body, headers = {}) => ({ method, body: JSON.stringify(body), headers: { "content-type": "application/json", ...headers } });

/** A new name for a write: however often it is sent under it, it is done once. */
export function newWrite() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
