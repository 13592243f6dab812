// A change that is asked about first: what it does, the command that does the same, and the agent's word if it refuses.
import { newWrite } from "../http.js";
import { Command } from "./cards.js";
import { Dialog } from "./dialog.js";
import { html, useState } from "./html.js";
import { Refusal } from "./refusal.js";

/**
 * What a box was opened for: `{seen, mark, write, overtaken, take}`. It stays that until `take()`, since nobody agreed to what
 * came meanwhile; `write` is the name of its change, another one after that. `mark` differs where `now` became another.
 */
export function useOpenedFor(now, mark) {
  const [opened, setOpened] = useState(() => ({ seen: now, mark, write: newWrite() }));
  return { ...opened, overtaken: opened.mark !== mark, take: () => setOpened({ seen: now, mark, write: newWrite() }) };
}

/** Says that it changed, and offers what there is now. */
export function Overtaken({ children, onTake }) {
  return html`<div class="banner warning" role="status"><p>${children}</p><button type="button" class="button" onClick=${onTake}>Take it as it is now</button></div>`;
}

/** `act` is an async function; `onDone` gets its result, `onClose` is called when the box shall go. */
export function Confirm({ title, word, danger = false, command, act, onDone, onClose, children }) {
  const [working, setWorking] = useState(false);
  const [refused, setRefused] = useState(null);
  const go = async () => {
    setWorking(true);
    setRefused(null);
    try {
      onDone(await act());
    } catch (error) {
      setRefused(error);
      setWorking(false);
    }
  };
  return html`<${Dialog} kind="sheet" label=${title} onClose=${() => working || onClose()}>
    <div class="sheet-box confirm"><h2>${title}</h2>
      <div class="confirm-text">${children}</div>
      ${command && html`<${Command} text=${command} />`}
      ${refused && html`<${Refusal} error=${refused} />`}
      <div class="buttons">
        <button type="button" class="button" autofocus disabled=${working} onClick=${onClose}>Cancel</button>
        <button type="button" class=${`button ${danger ? "danger" : "primary"}`} disabled=${working} onClick=${go}>
          ${working ? "Asking the agent …" : word}</button>
      </div></div>
  <//>`;
}
