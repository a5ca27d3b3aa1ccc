/** Pictures learn to be looked through once a card is pointed at; a finger does not wait for it. */

const learn = () => import("./clip-storyboard.js").catch(() => null);

document.addEventListener("pointerover", async (event) => {
  const picture = event.target.closest?.(".video-card")?.querySelector("clip-storyboard");
  if (!picture || !(await learn())) return;
  if (picture.parentElement.matches(":hover")) picture.move(event);
});

if (navigator.maxTouchPoints && document.querySelector("clip-storyboard"))
  addEventListener("load", learn);
