/** Makes times in texts move the player. Without it they are links to a page that starts there. */
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a.moment[data-seconds]");
  const player = document.querySelector("clip-player");
  if (!link || !player || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  player.scrollIntoView({ block: "nearest" });
  const seconds = Number(link.dataset.seconds);
  document.dispatchEvent(new CustomEvent("clip-seek", { detail: { seconds } }));
});
