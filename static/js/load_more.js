/** Moves the focus to the first new row when a "show more" link that had it is replaced by more
    rows. <clip-grid> does the same for its cards. */

const LINKS = ".threads__more a, .replies__more a, .notifications__more a";

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const { elt } = detail.requestConfig;
  if (!detail.shouldSwap || !elt.matches(LINKS) || elt !== document.activeElement) return;
  const list = elt.closest("ul, ol");
  const known = new Set(list.children);
  const isByKeyboard = elt.matches(":focus-visible");
  list.addEventListener(
    "htmx:afterSettle",
    () => {
      const row = [...list.children].find((it) => !known.has(it));
      // A reader who used the pointer already looks at this place: the page must not scroll.
      row?.querySelector("article, a")?.focus({ preventScroll: !isByKeyboard });
    },
    { once: true },
  );
});
