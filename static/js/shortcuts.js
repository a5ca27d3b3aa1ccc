/** The keys of the player, from anywhere on the page where they mean nothing else. media-chrome's
    own know neither single frames nor tenths, and only listen inside the player. */

const actions = (player) => ({
  " ": () => player.playOrPause(),
  k: () => player.playOrPause(),
  j: () => player.skip(-10),
  l: () => player.skip(10),
  ArrowLeft: () => player.skip(-5),
  ArrowRight: () => player.skip(5),
  ",": () => player.step(-1),
  ".": () => player.step(1),
  ArrowUp: () => player.louder(0.1),
  ArrowDown: () => player.louder(-0.1),
  m: () => player.mute(),
  "<": () => player.faster(-1),
  ">": () => player.faster(1),
  c: () => player.say(player.captions.toggle()),
  f: () => player.fullscreen(),
  t: () => document.querySelector("clip-theatre")?.turn(),
  "?": () => document.getElementById("keys")?.togglePopover(),
});

export class Keys {
  constructor(player) {
    this.player = player;
    this.actions = actions(player);
    document.addEventListener("keydown", this.press, true);
  }

  close() {
    document.removeEventListener("keydown", this.press, true);
  }

  press = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || this.isTaken(event)) return;
    const action = this.action(event.key);
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  };

  /** Whether what has the focus does something else with this key. */
  isTaken({ key, target }) {
    if (target.closest("input, textarea, select, [contenteditable], [popover]")) return true;
    if (!this.player.contains(target)) {
      const isPressed = key === " " && target.closest("a, button, summary");
      return isPressed || key === "ArrowUp" || key === "ArrowDown";
    }
    // The timeline goes by seconds, not by hundredths of the film.
    if (target.localName === "media-time-range") return false;
    return target.keysUsed?.includes(key) || (key === " " && target.closest("a, button"));
  }

  action(key) {
    if (/^[0-9]$/.test(key)) return () => this.player.goToTenth(Number(key));
    return this.actions[key.length === 1 ? key.toLowerCase() : key];
  }
}
