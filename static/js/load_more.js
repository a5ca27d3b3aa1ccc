/** Lists that a link lengthens and is gone then: who pressed it goes on at the first new row.
    <clip-grid> does the same for its cards. */

const LINKS = ".threads__more a, .replies__more a, .notices__more a";

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const { elt } = detail.requestConfig;
  if (!detail.shouldSwap || !elt.matches(LINKS) || elt !== document.activeElement) return;
  const list = elt.closest("ul, ol");
  const known = new Set(list.children);
  const byKeyboard = elt.matches(":focus-visible");
  list.addEventListener(
    "htmx:afterSettle",
    () => {
      const row = [...list.children].find((it) => !known.has(it));
      // Who pressed it by a pointer looks at this place already.
      row?.querySelector("article, a")?.focus({ preventScroll: !byKeyboard });
    },
    { once: true },
  );
});
