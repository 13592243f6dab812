// Every kind of event (docs/reference/events.md) and how it looks. EventSource tells only those it is asked for.
export const KINDS = {
  "member-up": "good",
  "member-suspect": "warn",
  "member-refuted": "good",
  "member-down": "bad",
  "member-left": "quiet",
  "member-updated": "quiet",
  "member-forgotten": "quiet",
  "member-role": "quiet",
  "election-started": "warn",
  "leader-changed": "lead",
  "leader-gained": "lead",
  "leader-lost": "bad",
  "leader-unknown": "bad",
  transfer: "lead",
  "transfer-failed": "warn",
  "handed-over": "warn",
  bootstrap: "lead",
  "voter-list-differs": "warn",
  "seat-claimed": "good",
  "voter-added": "good",
  "voter-removed": "quiet",
  "voter-replaced": "warn",
  "learner-dropped": "warn",
  "disk-lost": "bad",
  "other-cluster": "warn",
  "wrong-cluster": "warn",
  "wrong-version": "warn",
  "wrong-key": "warn",
  "refused-by-peer": "warn",
  "console-dropped": "quiet",
};

/** Events that belong to the story of who leads. */
export const LEADERSHIP = new Set([
  "election-started", "leader-changed", "leader-gained", "leader-lost", "leader-unknown",
  "transfer", "transfer-failed", "handed-over", "bootstrap",
]);
