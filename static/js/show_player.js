/** Shows the player on a page that was opened before its video could be watched. */

/** Replaces everything in the page but the comments, since somebody may be writing one. Returns
    false if the new page has no player.
    @param {string} html the page as it would be loaded now */
export function showPlayer(html) {
  const page = new DOMParser().parseFromString(html, "text/html");
  const root = document.querySelector(".watch");
  const [kept, fresh] = [root?.querySelector("#comments"), page.querySelector(".watch #comments")];
  if (!kept || !fresh || !page.querySelector(".watch clip-player")) return false;
  replaceAround(kept, fresh, root);
  window.htmx?.process(root);
  return true;
}

/** Gives `kept`, and each of its parents up to `root`, the siblings that `fresh` has.
    @param {HTMLElement} kept @param {HTMLElement} fresh @param {HTMLElement} root */
function replaceAround(kept, fresh, root) {
  for (let [old, other] = [kept, fresh]; old !== root; ) {
    const siblings = [...(other.parentElement?.children ?? [])];
    const place = siblings.indexOf(other);
    for (const one of [...(old.parentElement?.children ?? [])]) if (one !== old) one.remove();
    old.before(...siblings.slice(0, place));
    old.after(...siblings.slice(place + 1));
    [old, other] = /** @type {HTMLElement[]} */ ([old.parentElement, other.parentElement]);
  }
}
