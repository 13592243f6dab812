// Dark, light, or as the system has it; remembered by this browser.
import { signal } from "@preact/signals";

const KEY = "pycluster-theme";
const NEXT = { auto: "dark", dark: "light", light: "auto" };

/** "auto", "dark" or "light". */
export const theme = signal(document.documentElement.dataset.theme ?? "auto");

/** The next of the three. */
export function turnTheme() {
  theme.value = NEXT[theme.value];
  if (theme.value === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme.value;
  try {
    if (theme.value === "auto") localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, theme.value);
  } catch {
    // Storage may be forbidden: then the choice lasts as long as this tab.
  }
}
