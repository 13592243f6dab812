// A classic script, run before the first paint, so that a remembered theme does not flash.
try {
  const theme = localStorage.getItem("pycluster-theme");
  if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
} catch {
  // Storage may be forbidden: then the system's preference holds.
}
