// Who changes something and why: asked with every change, the name remembered in this browser.
import { html, useState } from "../parts/html.js";

const REMEMBERED = "pycluster-author";
const MOST = 500;

function remembered() {
  try {
    return localStorage.getItem(REMEMBERED) ?? "";
  } catch {
    return ""; // storage may be forbidden: then it is typed each time
  }
}

/** `{author, reason, setAuthor, setReason}`. */
export function useSaid() {
  const [author, setAuthor] = useState(remembered);
  const [reason, setReason] = useState("");
  const remember = (text) => {
    setAuthor(text);
    try {
      localStorage.setItem(REMEMBERED, text);
    } catch {
      // as above
    }
  };
  return { author, reason, setAuthor: remember, setReason };
}

/** The two boxes. */
export function Said({ said }) {
  return html`<div class="said-boxes">
    <label class="field-label">Reason<input class="input" name="reason" value=${said.reason} autocomplete="off" maxlength=${MOST}
      placeholder="why, for the history" onInput=${(event) => said.setReason(event.currentTarget.value)} /></label>
    <label class="field-label">Author<input class="input" name="author" value=${said.author} autocomplete="username" maxlength=${MOST}
      placeholder="who you are" onInput=${(event) => said.setAuthor(event.currentTarget.value)} /></label></div>`;
}
