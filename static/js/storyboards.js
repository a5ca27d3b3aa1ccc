/** Loads <clip-storyboard> once the pointer is over a card; on touch screens at once. */

const load = () => import("./clip-storyboard.js").catch(() => null);

document.addEventListener("pointerover", async (event) => {
  const storyboard = event.target.closest?.(".video-card")?.querySelector("clip-storyboard");
  if (!storyboard || !(await load())) return;
  if (storyboard.parentElement.matches(":hover")) storyboard.move(event);
});

if (navigator.maxTouchPoints && document.querySelector("clip-storyboard")) {
  addEventListener("load", load);
}
