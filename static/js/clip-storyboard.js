/** <clip-storyboard>: a card's thumbnail that shows frames of the video under the pointer: the left
    edge is its beginning, the right edge its end. A finger does the same after a long press.
    Nothing is fetched before the pointer rests there, and nothing moves by itself. */

const DWELL = 150; // milliseconds until a resting pointer counts
const LONG_PRESS = 350; // milliseconds; shorter than the browser's own, which opens a menu
const SLOP = 10; // pixels that a finger may move during a long press

export class ClipStoryboard extends HTMLElement {
  position = 0; // of the pointer, 0 to 1
  isHeld = false; // by a finger, now
  wasHeld = false; // during the press that ends with the next click
  /** @type {{ x: number, y: number } | null} */
  pressed = null;
  /** @type {number | null} */
  timer = null;
  /** @type {HTMLElement | null} */
  view = null;
  /** @type {(() => void) | null} */
  draw = null;
  /** @type {Promise<Storyboard> | null} */
  storyboard = null;
  listening = new AbortController();

  connectedCallback() {
    const card = /** @type {HTMLElement} */ (this.closest(".video-card")); // its link covers this
    this.listening = new AbortController();
    const { signal } = this.listening;
    const keepPress = (/** @type {Event} */ event) => this.isHeld && event.preventDefault();
    card.addEventListener("pointermove", (event) => this.move(event), { signal });
    card.addEventListener("pointerdown", (event) => this.press(event), { signal });
    card.addEventListener("pointerleave", () => this.leave(), { signal });
    card.addEventListener("pointercancel", () => this.leave(), { signal });
    card.addEventListener("contextmenu", keepPress, { signal });
    card.addEventListener("dragstart", keepPress, { signal });
    card.addEventListener("click", (event) => this.handleClick(event), { signal, capture: true });
  }

  disconnectedCallback() {
    this.listening.abort();
    this.leave();
  }

  /** How far to the right the pointer is, 0 to 1; null outside the thumbnail.
      @param {PointerEvent} event */
  positionOf({ clientX, clientY }) {
    const { left, right, top, bottom, width } = this.getBoundingClientRect();
    if (clientX < left || clientX > right || clientY < top || clientY > bottom) return null;
    return (clientX - left) / width;
  }

  /** @param {PointerEvent} event */
  move(event) {
    const position = this.positionOf(event);
    if (event.pointerType === "touch" && !this.isHeld) {
      const { x, y } = this.pressed ?? event;
      if (Math.hypot(event.clientX - x, event.clientY - y) > SLOP) this.leave();
    } else if (position === null) {
      if (!this.isHeld) this.leave();
    } else {
      this.position = position;
      this.timer ??= setTimeout(() => this.show(), DWELL);
      this.draw?.();
    }
  }

  /** @param {PointerEvent} event */
  press(event) {
    this.wasHeld = false;
    const position = this.positionOf(event);
    if (event.pointerType !== "touch" || position === null || !event.isPrimary) return;
    this.position = position;
    this.pressed = { x: event.clientX, y: event.clientY };
    this.toggleAttribute("data-pressed", true);
    this.timer = setTimeout(() => {
      this.isHeld = this.wasHeld = true;
      this.show();
    }, LONG_PRESS);
  }

  /** Letting go after a long press does not open the video. @param {MouseEvent} event */
  handleClick(event) {
    if (!this.wasHeld || !event.detail) return; // detail is 0 for a click by keyboard
    event.preventDefault();
    event.stopPropagation();
    this.wasHeld = false;
  }

  async show() {
    const { timer } = this;
    this.storyboard ??= load(this.dataset.storyboard ?? "");
    const storyboard = await this.storyboard.catch(() => null);
    if (!storyboard)
      this.storyboard = null; // the next attempt may succeed
    else if (this.timer === timer) this.draw = this.addView(storyboard);
    this.draw?.();
  }

  /** Returns a function that draws the frame at the pointer's position.
      @param {Storyboard} storyboard */
  addView({ sheet, tiles }) {
    this.view = document.createElement("span");
    this.view.className = "thumbnail__scrub";
    this.view.ariaHidden = "true";
    const canvas = document.createElement("canvas");
    [, , canvas.width, canvas.height] = tiles[0];
    const isOtherShape = Math.abs(canvas.width / canvas.height - 16 / 9) > 0.1;
    canvas.toggleAttribute("data-whole", isOtherShape);
    const line = document.createElement("progress");
    line.className = "bar thumbnail__watched";
    this.view.append(canvas, line);
    this.querySelector(":scope > *").after(this.view); // below the video's duration
    const context = canvas.getContext("2d");
    return () => {
      const index = Math.min(tiles.length - 1, Math.floor(this.position * tiles.length));
      const [x, y, w, h] = tiles[index];
      context?.drawImage(sheet, x, y, w, h, 0, 0, w, h);
      line.value = this.position;
    };
  }

  leave() {
    clearTimeout(this.timer ?? undefined);
    this.view?.remove();
    this.removeAttribute("data-pressed");
    this.timer = this.view = this.draw = this.pressed = null;
    this.isHeld = false;
  }
}

/** Fetches a storyboard: WebVTT whose cues are `sheet.jpg#xywh=x,y,w,h`, and its sheet.
    @param {string} address */
async function load(address) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(response.statusText);
  const text = await response.text();
  const cues = [...text.matchAll(/^(\S+)#xywh=(\d+),(\d+),(\d+),(\d+)$/gm)];
  const sheet = new Image();
  sheet.src = new URL(cues[0][1], response.url).href;
  await sheet.decode();
  return { sheet, tiles: cues.map(([, , ...place]) => place.map(Number)) };
}

customElements.define("clip-storyboard", ClipStoryboard);
