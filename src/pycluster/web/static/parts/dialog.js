// A box above the page: the keyboard stays in it, Esc and a click beside it close it, and the focus goes back to where it was.
import { html, useLayoutEffect, useRef } from "./html.js";

/** `label` names it; `onClose` is called when it shall go. */
export function Dialog({ kind, label, onClose, children }) {
  const element = useRef(null);
  useLayoutEffect(() => {
    const dialog = element.current;
    dialog.showModal();
    return () => dialog.close();
  }, []);
  const onKeyDown = (event) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    onClose();
  };
  const onCancel = (event) => {
    event.preventDefault(); // a phone's way back asks like this
    onClose();
  };
  const onClick = (event) => event.target === element.current && onClose();
  return html`<dialog ref=${element} class=${kind} aria-label=${label} onCancel=${onCancel} onKeyDown=${onKeyDown} onClick=${onClick}>
    ${children}</dialog>`;
}
