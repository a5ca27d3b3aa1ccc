/** <clip-storyboard>: a card's picture, through which the place of the pointer leads: the beginning of the
    film lies at the left, its end at the right. A finger does the same once it was held still.
    Nothing is asked for before somebody stays there, nothing moves by itself, nothing is left. */

const DWELL = 150; // milliseconds; who passes over it wants something else
const HOLD = 350; // sooner than a browser's own menu
const SLOP = 10; // pixels that a finger moves while it is held still

class ClipStoryboard extends HTMLElement {
  connectedCallback() {
    const card = this.closest(".video-card"); // its link lies over the picture
    this.gone = new AbortController();
    const { signal } = this.gone;
    card.addEventListener("pointermove", (event) => this.move(event), { signal });
    card.addEventListener("pointerdown", (event) => this.press(event), { signal });
    card.addEventListener("pointerleave", () => this.leave(), { signal });
    card.addEventListener("pointercancel", () => this.leave(), { signal });
    card.addEventListener("contextmenu", (event) => this.held && event.preventDefault(), {
      signal,
    });
    card.addEventListener("dragstart", (event) => this.held && event.preventDefault(), { signal });
    card.addEventListener("click", (event) => this.click(event), { signal, capture: true });
  }

  disconnectedCallback() {
    this.gone.abort();
    this.leave();
  }

  /** How far to the right it is, 0 to 1; null beside the picture. */
  share({ clientX, clientY }) {
    const { left, right, top, bottom, width } = this.getBoundingClientRect();
    if (clientX < left || clientX > right || clientY < top || clientY > bottom) return null;
    return (clientX - left) / width;
  }

  move(event) {
    const share = this.share(event);
    if (event.pointerType === "touch" && !this.held) {
      const { x, y } = this.pressed ?? event;
      if (Math.hypot(event.clientX - x, event.clientY - y) > SLOP) this.leave();
    } else if (share === null) {
      if (!this.held) this.leave();
    } else {
      this.at = share;
      this.timer ??= setTimeout(() => this.show(), DWELL);
      this.draw?.();
    }
  }

  press(event) {
    this.wasHeld = false;
    const share = this.share(event);
    if (event.pointerType !== "touch" || share === null || !event.isPrimary) return;
    this.at = share;
    this.pressed = { x: event.clientX, y: event.clientY };
    this.toggleAttribute("data-pressed", true);
    this.timer = setTimeout(() => {
      this.held = this.wasHeld = true;
      this.show();
    }, HOLD);
  }

  /** Who looked through it with a finger does not open it when they let go. */
  click(event) {
    if (!this.wasHeld || !event.detail) return; // a key has no detail
    event.preventDefault();
    event.stopPropagation();
    this.wasHeld = false;
  }

  async show() {
    const { timer } = this;
    this.board ??= load(this.dataset.storyboard);
    const board = await this.board.catch(() => null);
    if (!board)
      this.board = null; // perhaps the next time
    else if (this.timer === timer) this.draw = this.begin(board);
    this.draw?.();
  }

  /** Gives a function that draws what lies at the place of the pointer. */
  begin({ sheet, tiles }) {
    this.view = document.createElement("span");
    this.view.className = "picture__scrub";
    this.view.ariaHidden = "true";
    const canvas = document.createElement("canvas");
    [, , canvas.width, canvas.height] = tiles[0];
    const isOther = Math.abs(canvas.width / canvas.height - 16 / 9) > 0.1; // of another shape
    canvas.toggleAttribute("data-whole", isOther);
    const line = document.createElement("progress");
    line.className = "bar picture__watched";
    this.view.append(canvas, line);
    this.firstElementChild.after(this.view); // below how long the film is
    const pen = canvas.getContext("2d");
    return () => {
      const [x, y, w, h] = tiles[Math.min(tiles.length - 1, Math.floor(this.at * tiles.length))];
      pen.drawImage(sheet, x, y, w, h, 0, 0, w, h);
      line.value = this.at;
    };
  }

  leave() {
    clearTimeout(this.timer);
    this.view?.remove();
    this.removeAttribute("data-pressed");
    this.timer = this.view = this.draw = this.pressed = null;
    this.held = false;
  }
}

/** The sheet of small pictures, and where on it each of them lies. */
async function load(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(answer.statusText);
  const found = [...(await answer.text()).matchAll(/^(\S+)#xywh=(\d+),(\d+),(\d+),(\d+)$/gm)];
  const sheet = new Image();
  sheet.src = new URL(found[0][1], answer.url);
  await sheet.decode();
  return { sheet, tiles: found.map(([, , ...place]) => place.map(Number)) };
}

customElements.define("clip-storyboard", ClipStoryboard);
