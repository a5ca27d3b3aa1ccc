/** Goes from one video to the next without leaving full screen: the page stays, and all but the
    player's frame is replaced by what the other page has. */
import "./clip-status.js"; // the other video may still be processed

/** @type {string | null} */
let wanted = null; // the address that was asked for last

/** Opens the page of a video; in full screen it plays there.
    @param {string} address */
export async function goTo(address) {
  wanted = address;
  if (await replacePage(address)) return;
  if (wanted === address) location.assign(address);
}

/** Returns whether this page now shows the other video. The browser opens all other pages: a log-in,
    a video that was deleted or cannot be watched yet.
    @param {string} address */
async function replacePage(address) {
  const player = document.querySelector("clip-player");
  if (!isFullscreen(player)) return false;
  const page = await fetchPage(address);
  if (!page?.querySelector("clip-player") || wanted !== address || !isFullscreen(player)) {
    return false;
  }
  const { state } = history;
  history.replaceState({ ...state, turned: true }, "");
  history.pushState({ turned: true }, "", address);
  document.title = page.title;
  show(page, player);
  return true;
}

/** @param {ClipPlayer | null} player */
const isFullscreen = (player) => player !== null && document.fullscreenElement === player.frame;

/** @param {string} address */
async function fetchPage(address) {
  try {
    const response = await fetch(address, { headers: { Accept: "text/html" } });
    if (!response.ok) return null;
    return new DOMParser().parseFromString(await response.text(), "text/html");
  } catch {
    return null;
  }
}

/** Replaces everything but the frame that is in full screen. Up next comes last: it looks for the
    new player's video.
    @param {Document} page @param {ClipPlayer} player */
function show(page, player) {
  const next = page.querySelector("clip-player");
  const [here, there] = [/** @type {HTMLElement} */ (player.parentElement), next.parentElement];
  const siblingsOf = (/** @type {HTMLElement} */ it) => {
    const all = /** @type {HTMLElement} */ (it.parentElement).children;
    return [...all].filter((other) => other !== it);
  };
  player.close();
  for (const old of [...siblingsOf(here), ...siblingsOf(player)]) old.remove();
  here.after(...siblingsOf(there).filter((it) => it.localName !== "clip-up-next"));
  player.take(next);
  player.after(...siblingsOf(next));
  here.after(...siblingsOf(there));
  if (here.parentElement) window.htmx?.process(here.parentElement);
  scrollTo(0, 0);
  player.video.play().catch(() => {});
}

// The end screen's offer is a plain link outside full screen.
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("clip-end-screen a[href]");
  if (!link || !isFullscreen(link.closest("clip-player"))) return;
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  goTo(link.href);
});

// The earlier page is not kept, so Back loads it. Back may have been pressed before this ran.
addEventListener("popstate", ({ state }) => {
  if (state?.turned) location.reload();
});
const [loaded] = performance.getEntriesByType("navigation");
if (history.state?.turned && !location.href.startsWith(loaded.name.split("#")[0])) {
  location.reload();
}
