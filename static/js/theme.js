// Before the first paint: the colours and the theatre mode that were chosen last time.
// The key and the attribute are those of Django's admin, so that both share one choice.
(() => {
  const root = document.documentElement;
  try {
    const theme = localStorage.getItem("theme");
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    if (localStorage.getItem("theatre") === "on") root.dataset.theatre = "";
  } catch {
    // Storage is off: the system's colours then.
  }
})();
