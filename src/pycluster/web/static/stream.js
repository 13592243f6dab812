// The one event stream of this tab: opened, watched, opened again. All of the page's news comes through it.
import { shown } from "./clock.js";
import { KINDS } from "./kinds.js";
import { connection, heardAt, takeEvent, takeStatus, trouble } from "./store.js";

const STALE_MS = 12_000;
const HUNG_MS = 25_000;
const RETRY_MS = [1_000, 2_000, 4_000, 8_000];

let source = null;
let lastId = 0;
let backlog = true;
let failures = 0;
let retry = 0;
let openedAt = 0;

function address() {
  const after = lastId > 0 ? `&after=${lastId}` : backlog ? "&after=0" : "";
  return `/api/v1/events?snapshot=1${after}`;
}

function heard() {
  heardAt.value = Date.now();
  trouble.value = "";
  failures = 0;
  connection.value = "live";
}

function lost() {
  if (connection.value === "live") connection.value = "lost";
}

function onStatus(message) {
  heard();
  // Another life of the agent counts its events from 1 again: what it told before this tab came back is wanted too.
  if (takeStatus(JSON.parse(message.data), Date.now())) {
    lastId = 0;
    backlog = true;
    reopen(0);
  }
}

function onEvent(message) {
  const event = JSON.parse(message.data);
  lastId = event.id;
  heard();
  takeEvent(event);
}

/** The place is no longer kept: go on from the oldest event that is, and where that is not kept either, from the newest. */
function onReset() {
  backlog = lastId > 0;
  lastId = 0;
  reopen(0);
}

function onError() {
  const failed = source;
  lost();
  if (failed.readyState !== EventSource.CLOSED) return; // the browser tries again by itself, resuming where it was
  const wanted = failed.url;
  reopen(RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)]);
  void ask(wanted);
}

/** Why a stream was refused: EventSource does not say. */
async function ask(url) {
  const cut = new AbortController();
  try {
    const answer = await fetch(url, { cache: "no-store", signal: cut.signal });
    if (!answer.ok) trouble.value = (await answer.json()).error?.what ?? "";
  } catch {
    trouble.value = "";
  } finally {
    cut.abort();
  }
}

function reopen(delay) {
  clearTimeout(retry);
  if (source) source.close();
  retry = setTimeout(open, delay);
  openedAt = Date.now() + delay;
}

function open() {
  if (source) source.close();
  openedAt = Date.now();
  const opened = new EventSource(address());
  source = opened;
  const only = (take) => (message) => opened === source && take(message);
  opened.addEventListener("status", only(onStatus));
  opened.addEventListener("reset", only(onReset));
  opened.onerror = only(onError);
  for (const kind of Object.keys(KINDS)) opened.addEventListener(kind, only(onEvent));
}

/** Try now rather than later. */
export function retryNow() {
  failures = 0;
  reopen(0);
}

function tick() {
  const now = Date.now();
  if (connection.value === "live" && now - heardAt.value > STALE_MS) lost();
  if (connection.value === "live") shown.value = now;
  else if (now - Math.max(openedAt, heardAt.value) > HUNG_MS) retryNow();
}

/** Begin, once. */
export function startStream() {
  open();
  setInterval(tick, 1_000);
  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", (event) => event.persisted && retryNow());
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && tick());
}
