// What is read again whenever something changes in an interval of keys: the list, or the page, that is in front.
import { watch } from "../kv/watching.js";
import { useEffect, useRef, useState } from "./html.js";

const CHANGES_KEPT = 30;
/** Changes that come together are read together. */
const GATHER_MS = 400;
const AGAIN_MS = 3_000;
const NOTHING = { name: null, page: null, refused: null, changes: [] };

/**
 * `{page, refused, changes}`: what `load(signal)` gave, with its `revision`, and the newest changes between `first` and `end`,
 * of the keys that `concerns` says yes to: a tab has one watch, which may have to span what lies between two intervals.
 * It is loaded anew where `name` differs; the changes begin anew where `group` does. A page whose `current` is false may be behind.
 */
export function useFollowed({ name, group, first, end, concerns = () => true, load }) {
  const [state, setState] = useState(NOTHING);
  const [turn, setTurn] = useState(0);
  const latest = useRef(null);
  latest.current = { first, end, concerns, load };
  useEffect(() => setState((old) => ({ ...old, changes: [] })), [group]);
  useEffect(() => {
    const cut = new AbortController();
    let stop = () => {};
    let timer = 0;
    let stale = 0;
    let again = false;
    const wanted = latest.current;
    const read = async () => {
      const page = await wanted.load(cut.signal);
      setState((old) => ({ ...old, name, page, refused: null }));
      // What may be behind is read anew until it is not.
      clearTimeout(stale);
      if (page.current === false) stale = setTimeout(refresh, AGAIN_MS);
      return page.revision;
    };
    const failed = (error) => {
      if (error.name === "AbortError") return;
      setState((old) => ({ ...old, refused: error, page: old.name === name ? old.page : null, name }));
      timer = setTimeout(() => setTurn((old) => old + 1), AGAIN_MS);
    };
    const refresh = () => {
      again = Boolean(timer);
      timer ||= setTimeout(async () => {
        try {
          await read();
        } catch (error) {
          failed(error);
          return;
        }
        timer = 0;
        if (again) refresh();
      }, GATHER_MS);
    };
    const onChange = (change) => {
      setState((old) => ({ ...old, changes: [change, ...old.changes].slice(0, CHANGES_KEPT) }));
      refresh();
    };
    const onLost = () => setTurn((old) => old + 1);
    read().then((revision) => {
      if (!cut.signal.aborted) stop = watch({ start: wanted.first, end: wanted.end, revision, concerns: wanted.concerns, onChange, onLost });
    }, failed);
    return () => {
      cut.abort();
      clearTimeout(timer);
      clearTimeout(stale);
      stop();
    };
  }, [name, turn]);
  return state.name === name ? state : { ...NOTHING, changes: state.changes };
}
