/** Keyboard shortcuts of the player, from anywhere on the page where a key means nothing else.
    media-chrome's own shortcuts lack single frames and tenths, and need the focus in the player. */

/** @param {ClipPlayer} player @returns {Record<string, () => void>} */
const actionsOf = (player) => ({
  " ": () => player.playOrPause(),
  k: () => player.playOrPause(),
  j: () => player.skip(-10),
  l: () => player.skip(10),
  ArrowLeft: () => player.skip(-5),
  ArrowRight: () => player.skip(5),
  ",": () => player.step(-1),
  ".": () => player.step(1),
  ArrowUp: () => player.changeVolume(0.1),
  ArrowDown: () => player.changeVolume(-0.1),
  m: () => player.mute(),
  "<": () => player.changeSpeed(-1),
  ">": () => player.changeSpeed(1),
  c: () => player.showHint(player.captions.toggle()),
  f: () => player.fullscreen(),
  t: () => document.querySelector("clip-theatre")?.toggle(),
  "?": () => document.getElementById("shortcuts")?.togglePopover(),
});

export class Shortcuts {
  /** @param {ClipPlayer} player */
  constructor(player) {
    this.player = player;
    this.actions = actionsOf(player);
    document.addEventListener("keydown", this.press, true);
  }

  close() {
    document.removeEventListener("keydown", this.press, true);
  }

  /** @param {any} event a KeyboardEvent anywhere on the page */
  press = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || this.isTaken(event)) return;
    const action = this.actionOf(event.key);
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  };

  /** Whether the focused element uses this key itself.
      @param {{ key: string, target: any }} event */
  isTaken({ key, target }) {
    if (target.closest("input, textarea, select, [contenteditable], [popover]")) return true;
    if (!this.player.contains(target)) {
      const isPressed = key === " " && target.closest("a, button, summary");
      return isPressed || key === "ArrowUp" || key === "ArrowDown";
    }
    // media-chrome's timeline would move by hundredths of the video, this one moves by seconds.
    if (target.localName === "media-time-range") return false;
    return target.keysUsed?.includes(key) || (key === " " && target.closest("a, button"));
  }

  /** @param {string} key as of KeyboardEvent.key */
  actionOf(key) {
    if (/^[0-9]$/.test(key)) return () => this.player.goToTenth(Number(key));
    return this.actions[key.length === 1 ? key.toLowerCase() : key];
  }
}
