// Before the first paint: the colours and the theatre mode that were chosen last time; and again
// when they are chosen in another tab, or the page comes back from where the browser kept it.
// The key and the attribute are those of Django's admin, so that both share one choice.
(() => {
  const root = document.documentElement;

  const apply = () => {
    try {
      const theme = localStorage.getItem("theme");
      if (theme === "light" || theme === "dark") root.dataset.theme = theme;
      else delete root.dataset.theme;
      root.toggleAttribute("data-theatre", localStorage.getItem("theatre") === "on");
    } catch {
      // Storage is off: the system's colours then.
    }
  };

  const applyAgain = () => {
    apply();
    dispatchEvent(new Event("clip-look")); // for the buttons that say what is on
  };

  apply();
  addEventListener("storage", (event) => {
    if (event.key === null || event.key === "theme" || event.key === "theatre") applyAgain();
  });
  addEventListener("pageshow", (event) => {
    if (event.persisted) applyAgain();
  });
})();
