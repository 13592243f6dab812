// Where what is shown of the state comes from, where that is not the whole truth.
import { leader, quorum, self } from "../store.js";
import { html } from "./html.js";

/** `page` has the `revision` that is shown, and `current` false where it is this agent’s own copy. */
export function Source({ page }) {
  if (page && !(page.current !== false && leader.value.leader)) {
    return html`<div class="banner warning" role="status"><p>No leader answers: this is revision ${page.revision} as ${self.value.name} knows it, which may be
      behind. Writes wait for a quorum.</p></div>`;
  }
  if (quorum.value.phase !== "observer") return null;
  return html`<div class="banner note" role="status"><p>${self.value.name} holds no copy of the state: what is shown here
    comes from ${leader.value.leader || "the leader, once there is one"}.</p></div>`;
}
