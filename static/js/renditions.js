/** The sizes of a film as media-chrome's menu of them expects these: a list on the video element
    with events of its own (as in https://github.com/muxinc/media-tracks). */

export class Renditions extends EventTarget {
  length = 0;
  chosen = -1;

  constructor(source) {
    super();
    this.source = source;
  }

  [Symbol.iterator] = Array.prototype[Symbol.iterator];

  /** -1: as the line allows. */
  get selectedIndex() {
    return this.chosen;
  }

  set selectedIndex(index) {
    this.source.choose(this[index]?.height ?? null);
  }

  /** What there is to choose from by now, and what is chosen of it. */
  refresh() {
    const { sides, wanted } = this.source;
    const offered = sides.length > 1 ? sides : [];
    const known = [...this].map((it) => it.height);
    if (known.join() !== offered.join()) this.fill(offered);
    this.chosen = offered.findIndex((side) => wanted && side <= wanted);
    this.dispatchEvent(new Event("change"));
  }

  fill(sides) {
    for (let i = 0; i < this.length; i += 1) delete this[i];
    sides.forEach((side, i) => {
      this[i] = { id: String(side), width: side, height: side };
    });
    this.length = sides.length;
    this.dispatchEvent(new Event(this.length ? "addrendition" : "removerendition"));
  }
}
