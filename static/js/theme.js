// Applies the chosen theme and theatre mode before the first paint, and again when they change in
// another tab or the page comes back from the browser's cache. Django's admin uses the same storage
// key and attribute, so both share one choice.
(() => {
  const root = document.documentElement;

  const apply = () => {
    try {
      const theme = localStorage.getItem("theme");
      if (theme === "light" || theme === "dark") root.dataset.theme = theme;
      else delete root.dataset.theme;
      root.toggleAttribute("data-theatre", localStorage.getItem("theatre") === "on");
    } catch {
      // Storage is off: the system's theme applies.
    }
  };

  const applyAgain = () => {
    apply();
    dispatchEvent(new Event("clip-appearance")); // for the buttons that show the choice
  };

  apply();
  addEventListener("storage", (event) => {
    if (event.key === null || event.key === "theme" || event.key === "theatre") applyAgain();
  });
  addEventListener("pageshow", (event) => {
    if (event.persisted) applyAgain();
  });
})();
