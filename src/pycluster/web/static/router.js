// Addresses: every page has one, and its filter is part of it.
import { computed, signal } from "@preact/signals";

const place = signal(read());

function read() {
  return { path: location.pathname, query: new URLSearchParams(location.search) };
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

const parts = () => place.value.path.replace(/^\/+|\/+$/g, "").split("/");
/** Older and longer names of pages. */
const ALIASES = { overview: "", leader: "elections", quorum: "raft" };
/** The page that the first part of the address names; "" is the overview. */
export const page = computed(() => (Object.hasOwn(ALIASES, parts()[0]) ? ALIASES[parts()[0]] : parts()[0]));
/** The rest of the address, decoded: a node's name. */
export const subject = computed(() => decoded(parts().slice(1).join("/")));

/** A parameter of the address as text, "" where it is not there. Follows the address when read in a component. */
export function parameter(key) {
  return place.value.query.get(key) ?? "";
}

let held = null;

/**
 * Let `check(href, go)` see each address of this page before it is gone to. Where it is true, `go()` goes there, or nobody does.
 * Gives what ends that.
 */
export function holdBack(check) {
  held = check;
  return () => {
    if (held === check) held = null;
  };
}

function unlessHeld(href, go) {
  if (!held?.(href, go)) go();
}

/** Change parameters of this address without adding to the history; empty ones go. */
export function setParameters(changes) {
  const query = new URLSearchParams(location.search);
  for (const [key, value] of Object.entries(changes)) {
    if (value) query.set(key, value);
    else query.delete(key);
  }
  const text = query.toString();
  const href = location.pathname + (text ? `?${text}` : "");
  unlessHeld(href, () => {
    history.replaceState(null, "", href);
    place.value = read();
  });
}

/** The address of a node's page. */
export function nodePath(name) {
  return `/nodes/${encodeURIComponent(name)}`;
}

/** Go to an address of this page. */
export function navigate(href) {
  if (href === location.pathname + location.search) return;
  unlessHeld(href, () => {
    history.pushState(null, "", href);
    arrive();
  });
}

function arrive() {
  const before = location.pathname !== place.value.path;
  place.value = read();
  if (before) {
    scrollTo(0, 0);
    document.getElementById("main")?.focus({ preventScroll: true });
  }
}

/** Whether a click on a link leads away from here, and not to a tab or a window of its own. */
export const leadsAway = (event) => event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);

function onClick(event) {
  if (event.defaultPrevented || !leadsAway(event)) return;
  const link = event.target instanceof Element ? event.target.closest("a[href]") : null;
  if (!link || link.getAttribute("target") || link.hasAttribute("download")) return;
  const to = new URL(link.getAttribute("href"), location.href); // a link in a drawing has no origin of its own
  if (to.origin !== location.origin || to.hash || to.pathname.startsWith("/api/") || to.pathname === "/metrics") return;
  event.preventDefault();
  navigate(to.pathname + to.search);
}

/** Follow links and the browser's back and forward, once. */
export function startRouter() {
  document.addEventListener("click", onClick);
  let passing = false;
  addEventListener("popstate", () => {
    const { path, query } = place.value;
    const text = query.toString();
    const go = () => {
      passing = true;
      history.back();
    };
    // The browser is there already: it comes back here, one step further, until somebody has decided.
    if (!passing && held?.(location.pathname + location.search, go)) history.pushState(null, "", path + (text ? `?${text}` : ""));
    else {
      passing = false;
      place.value = read();
    }
  });
}
