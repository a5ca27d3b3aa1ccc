/** The list of renditions that media-chrome's quality menu reads from the video element. Its interface
    is that of https://github.com/muxinc/media-tracks. */
import { ORIGINAL } from "./original_quality.js";

export class Renditions extends EventTarget {
  length = 0;
  chosen = -1;
  /** @type {any} */
  items = this; // media-chrome reads the items by index: { id, width, height }

  /** @type {QualityChoice[]} */
  choices = [];

  /** @param {Quality} quality @param {any} menu media-chrome's <media-rendition-menu> */
  constructor(quality, menu) {
    super();
    this.quality = quality;
    // The menu names a rendition after its short side.
    menu.formatRendition = (/** @type {{ id: string }} */ item, /** @type {object} */ options) =>
      item.id === ORIGINAL
        ? "Original"
        : Object.getPrototypeOf(menu).formatRendition.call(menu, item, options);
  }

  [Symbol.iterator] = Array.prototype[Symbol.iterator];

  /** The index of the chosen rendition; -1: automatic. */
  get selectedIndex() {
    return this.chosen;
  }

  set selectedIndex(index) {
    this.quality.choose(this.choices[index] ?? null);
  }

  /** Reads from the player what can be chosen, and what is. */
  refresh() {
    const { choices, chosen } = this.quality;
    const offered = choices.length > 1 ? choices : [];
    if (this.choices.join() !== offered.join()) this.fill(offered);
    this.chosen = chosen ? offered.indexOf(chosen) : -1;
    this.dispatchEvent(new Event("change"));
  }

  /** @param {QualityChoice[]} choices the best first, which is how the menu sorts them */
  fill(choices) {
    for (let i = 0; i < this.length; i += 1) delete this.items[i];
    choices.forEach((choice, i) => {
      const side = choice === ORIGINAL ? Infinity : choice;
      this.items[i] = { id: String(choice), width: side, height: side };
    });
    this.choices = choices;
    this.length = choices.length;
    this.dispatchEvent(new Event(this.length ? "addrendition" : "removerendition"));
  }
}
