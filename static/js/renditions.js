/** The list of renditions that media-chrome's quality menu reads from the video element. Its interface
    is that of https://github.com/muxinc/media-tracks. */

export class Renditions extends EventTarget {
  length = 0;
  chosen = -1;
  /** @type {any} */
  items = this; // media-chrome reads the items by index: { id, width, height }

  /** @param {Source} source */
  constructor(source) {
    super();
    this.source = source;
  }

  [Symbol.iterator] = Array.prototype[Symbol.iterator];

  /** The index of the chosen rendition; -1: automatic. */
  get selectedIndex() {
    return this.chosen;
  }

  set selectedIndex(index) {
    this.source.choose(this.items[index]?.height ?? null);
  }

  /** Reads from the source what can be chosen, and what is. */
  refresh() {
    const { sides, wanted } = this.source;
    const offered = sides.length > 1 ? sides : [];
    const known = Array.from(this, (it) => it.height);
    if (known.join() !== offered.join()) this.fill(offered);
    this.chosen = offered.findIndex((side) => wanted && side <= wanted);
    this.dispatchEvent(new Event("change"));
  }

  /** @param {number[]} sides short sides, in pixels */
  fill(sides) {
    for (let i = 0; i < this.length; i += 1) delete this.items[i];
    sides.forEach((side, i) => {
      this.items[i] = { id: String(side), width: side, height: side };
    });
    this.length = sides.length;
    this.dispatchEvent(new Event(this.length ? "addrendition" : "removerendition"));
  }
}
