// What was typed is not thrown away unasked, wherever somebody clicks.
import { holdBack } from "../router.js";
import { Confirm } from "./confirm.js";
import { html, useEffect, useRef, useState } from "./html.js";

/**
 * The box that asks, while it does. `loses(href)` says whether what was typed goes with that address, null where the browser leaves
 * this page; `text` says what goes.
 */
export function useHeld(loses, text) {
  const [asked, ask] = useState(null); // `{go}`
  const judge = useRef(loses);
  judge.current = loses;
  useEffect(() => {
    const onUnload = (event) => {
      if (!judge.current(null)) return;
      event.preventDefault();
      event.returnValue = true; // as older browsers want it
    };
    addEventListener("beforeunload", onUnload);
    const release = holdBack((href, go) => {
      const lost = judge.current(href);
      if (lost) ask({ go });
      return lost;
    });
    return () => {
      removeEventListener("beforeunload", onUnload);
      release();
    };
  }, []);
  const onDone = () => {
    ask(null);
    asked.go();
  };
  return asked && html`<${Confirm} title="Throw away what you typed?" word="Throw it away" danger act=${async () => {}} onDone=${onDone} onClose=${() => ask(null)}>
    ${text}<//>`;
}
