/** Another video in the place of this one, so that full screen lasts from one to the next. */
import "./clip-status.js"; // the film may still be being made

let wanted = null; // the address that was asked for last

/** Goes to the page of a video, and plays it where that happens in full screen. */
export async function goTo(address) {
  wanted = address;
  if (await isTurned(address)) return;
  if (wanted === address) location.assign(address);
}

/** Whether this page shows it by now. What it is not made for is left to the browser: a log-in, a
    video that is gone or can't be watched yet. */
async function isTurned(address) {
  const player = document.querySelector("clip-player");
  if (!isFull(player)) return false;
  const page = await fetched(address);
  if (!page?.querySelector("clip-player") || wanted !== address || !isFull(player)) return false;
  const { state } = history;
  history.replaceState({ ...state, turned: true }, "");
  history.pushState({ turned: true }, "", address);
  document.title = page.title;
  show(page, player);
  return true;
}

const isFull = (player) => player !== null && document.fullscreenElement === player.frame;

async function fetched(address) {
  try {
    const answer = await fetch(address, { headers: { Accept: "text/html" } });
    return answer.ok ? new DOMParser().parseFromString(await answer.text(), "text/html") : null;
  } catch {
    return null;
  }
}

/** All but the frame that is in full screen; what needs the new film comes after it. */
function show(page, player) {
  const next = page.querySelector("clip-player");
  const [here, there] = [player.parentElement, next.parentElement];
  const others = (it) => [...it.parentElement.children].filter((other) => other !== it);
  const isQueue = (it) => it.localName === "clip-up-next";
  player.close();
  for (const old of [...others(here), ...others(player)]) old.remove();
  here.after(...others(there).filter((it) => !isQueue(it)));
  player.take(next);
  player.after(...others(next));
  here.after(...others(there));
  window.htmx?.process(here.parentElement);
  scrollTo(0, 0);
  player.video.play().catch(() => {});
}

// What the end of a film offers is a plain link elsewhere.
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("clip-end-screen a[href]");
  if (!link || !isFull(link.closest("clip-player"))) return;
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  goTo(link.href);
});

// The page before is not kept. One may have gone back before this was listened for.
addEventListener("popstate", ({ state }) => {
  if (state?.turned) location.reload();
});
const [loaded] = performance.getEntriesByType("navigation");
if (history.state?.turned && !location.href.startsWith(loaded.name.split("#")[0]))
  location.reload();
