// The second stream of a tab, open only while a person looks at keys: what changes in the interval that is shown.
import { signal } from "@preact/signals";
import { changeOf } from "./asking.js";
import { percent } from "./bytes.js";

const RETRY_MS = [1_000, 2_000, 4_000, 8_000];
/** "off", "connecting", "live", "lost", or "paused" while nobody sees the tab. */
export const watchState = signal("off");
/** The newest revision that it told of, and when (wall ms) the newest change came. */
export const watchedTo = signal(0);
export const changedAt = signal(0);
export const watchTrouble = signal("");

let failures = 0;

/** Why a stream was refused: EventSource does not say. */
async function reason(url) {
  const cut = new AbortController();
  try {
    const answer = await fetch(url, { cache: "no-store", signal: cut.signal });
    return answer.ok ? "" : ((await answer.json()).error?.what ?? "");
  } catch {
    return "";
  } finally {
    cut.abort();
  }
}

/**
 * Watch from `revision` on. `onChange({id, revision, deleted, ...})` for each whose key `concerns`; `onLost()` once, when
 * it is over: read anew, then watch again. Gives what ends it.
 */
export function watch({ start, end, revision, concerns, onChange, onLost }) {
  const url = `/api/v1/kv/watch?key=${percent(start)}&range_end=${percent(end)}&keys_only=1&revision=${revision + 1}`;
  const source = new EventSource(url);
  let timer = 0;
  let over = false;
  watchState.value = "connecting";
  watchedTo.value = revision;

  function close(state) {
    over = true;
    clearTimeout(timer);
    source.close();
    watchState.value = state;
  }
  function lose(delay) {
    if (over) return;
    close("lost");
    timer = setTimeout(onLost, delay);
  }
  function heard() {
    failures = 0;
    watchTrouble.value = "";
    watchState.value = "live";
  }
  function onVisible() {
    // A browser has few connections to one address; a tab in the background gives this one up.
    if (document.visibilityState === "hidden") close("paused");
    else if (watchState.value === "paused") onLost();
  }
  const taken = (deleted) => (message) => {
    heard();
    const kv = changeOf(JSON.parse(message.data).kv);
    watchedTo.value = Math.max(watchedTo.value, kv.changed);
    if (!concerns(kv.key)) return;
    changedAt.value = Date.now();
    onChange({ ...kv, revision: kv.changed, deleted, atMs: Date.now() });
  };
  source.addEventListener("progress", (message) => {
    heard();
    watchedTo.value = Math.max(watchedTo.value, JSON.parse(message.data).revision);
  });
  source.addEventListener("put", taken(false));
  source.addEventListener("delete", taken(true));
  for (const kind of ["compacted", "failed", "lagged"]) {
    source.addEventListener(kind, (message) => {
      watchTrouble.value = JSON.parse(message.data).why ?? "";
      lose(kind === "failed" ? 1_000 : 0);
    });
  }
  source.onerror = () => {
    if (over) return;
    watchState.value = "lost";
    if (source.readyState !== EventSource.CLOSED) return; // the browser tries again by itself, resuming where it was
    lose(RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)]);
    void reason(url).then((why) => (watchTrouble.value = why));
  };
  document.addEventListener("visibilitychange", onVisible);
  return () => {
    document.removeEventListener("visibilitychange", onVisible);
    close("off");
  };
}
