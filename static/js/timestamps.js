/** Times in texts move the player; without it they are links to a page that begins there. */
document.addEventListener("click", (event) => {
  const moment = event.target.closest?.("a.moment[data-seconds]");
  const player = document.querySelector("clip-player");
  if (!moment || !player || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  player.scrollIntoView({ block: "nearest" });
  const seconds = Number(moment.dataset.seconds);
  document.dispatchEvent(new CustomEvent("clip-seek", { detail: { seconds } }));
});
