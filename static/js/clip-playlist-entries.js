/** <clip-playlist-entries>: the rows of a playlist, moved by buttons or by dragging their grips, and
    removed. A row moves at once; then the site is told which video is before it. */
import { toast } from "./clip-toast.js";

const EDGE = 72; // pixels from the edge of the window, where dragging scrolls the page
const STEP = 10; // pixels that it scrolls per frame

class ClipPlaylistEntries extends HTMLElement {
  /** @type {HTMLOListElement} */
  list;
  /** @type {{ move: HTMLFormElement, remove: HTMLFormElement }} */
  forms;
  /** @type {HTMLElement} */
  announcement;
  /** @type {Promise<unknown>} */
  pending = Promise.resolve(); // requests, one after the other
  /** @type {Drag | null} */
  drag = null;
  frame = 0; // the requested animation frame

  connectedCallback() {
    this.list = this.querySelector("ol");
    this.forms = {
      move: document.getElementById("move"),
      remove: document.getElementById("remove"),
    };
    this.announcement = this.querySelector("[data-message]");
    this.list.dataset.ready = "";
    this.showGrips();
    this.addEventListener("htmx:afterSwap", () => this.showGrips());
    this.addEventListener("pointerdown", (event) => this.startDrag(event));
    this.forms.move.addEventListener("submit", (event) => this.moveByButton(event));
    this.forms.remove.addEventListener("submit", (event) => this.removeByButton(event));
  }

  showGrips() {
    for (const grip of this.list.querySelectorAll("[data-grip]")) grip.hidden = false;
  }

  /** @returns {HTMLElement[]} */
  get rows() {
    return [...this.list.querySelectorAll(":scope > [data-video]")];
  }

  // -- Moving by buttons --------------------------------------------------------------------------

  /** @param {SubmitEvent} event */
  moveByButton(event) {
    const button = /** @type {HTMLButtonElement} */ (event.submitter);
    const row = button.closest("[data-video]");
    const isUp = button.name === "up";
    const next = isUp ? row.previousElementSibling : row.nextElementSibling;
    if (next && !next.dataset.video) return; // only the site knows the row that is not loaded yet
    event.preventDefault();
    if (!next) return;
    // The neighbor is moved, so that the focused element keeps the focus.
    this.list.insertBefore(next, isUp ? row.nextElementSibling : row);
    row.scrollIntoView({ block: "nearest" });
    this.saveMove(row);
  }

  /** Requests follow one another: where a row goes depends on the moves before.
      @param {HTMLElement} row */
  saveMove(row) {
    const number = this.list.start + this.rows.indexOf(row);
    this.announcement.textContent = `${row.querySelector("h3").textContent}: number ${number} now.`;
    const previous = /** @type {HTMLElement | null} */ (row.previousElementSibling);
    const body = new FormData(this.forms.move);
    body.set("video", row.dataset.video ?? "");
    body.set("behind", previous?.dataset.video ?? "");
    this.pending = this.pending.then(() => this.send(this.forms.move, body));
  }

  // -- Moving by dragging -------------------------------------------------------------------------

  /** @param {PointerEvent & { target: any }} event */
  startDrag(event) {
    const row = event.target.closest("[data-grip]")?.closest("[data-video]");
    if (!row || !event.isPrimary || event.button !== 0 || this.drag) return;
    event.preventDefault();
    this.drag = {
      row,
      before: row.nextElementSibling,
      grab: event.clientY - row.getBoundingClientRect().top,
      y: event.clientY,
    };
    row.dataset.dragged = "";
    this.watch(true);
    this.frame = requestAnimationFrame(this.follow);
  }

  /** Listens on the window, since the pointer may leave the list.
      @param {boolean} isOn */
  watch(isOn) {
    const method = isOn ? "addEventListener" : "removeEventListener";
    window[method]("pointermove", this.notePointer);
    window[method]("pointerup", this.drop);
    window[method]("pointercancel", this.giveUp);
    window[method]("keydown", this.giveUpByKey, true);
  }

  /** @param {any} event a PointerEvent */
  notePointer = (event) => {
    if (this.drag) this.drag.y = event.clientY;
  };

  follow = () => {
    if (!this.drag) return;
    const { row, grab, y } = this.drag;
    if (y < EDGE) scrollBy({ top: -STEP, behavior: "instant" });
    if (y > innerHeight - EDGE) scrollBy({ top: STEP, behavior: "instant" });
    row.style.transform = "none";
    this.makeRoom(row, y);
    const { top } = row.getBoundingClientRect();
    row.style.transform = `translateY(${y - grab - top}px)`;
    this.frame = requestAnimationFrame(this.follow);
  };

  /** Moves the neighbors: to move the row itself would end the touch.
      @param {any} row @param {number} y of the pointer, in pixels */
  makeRoom(row, y) {
    for (;;) {
      const before = row.previousElementSibling;
      const after = row.nextElementSibling;
      if (before?.dataset.video && y < middleOf(before)) this.list.insertBefore(before, after);
      else if (after?.dataset.video && y > middleOf(after)) this.list.insertBefore(after, row);
      else return;
    }
  }

  drop = () => {
    const drag = this.endDrag();
    if (drag && drag.row.nextElementSibling !== drag.before) this.saveMove(drag.row);
  };

  giveUp = () => {
    const drag = this.endDrag();
    if (drag) this.list.insertBefore(drag.row, drag.before);
  };

  /** @param {any} event a KeyboardEvent */
  giveUpByKey = (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    this.giveUp();
  };

  endDrag() {
    const { drag } = this;
    cancelAnimationFrame(this.frame);
    this.watch(false);
    if (drag) {
      drag.row.style.transform = "";
      delete drag.row.dataset.dragged;
    }
    this.drag = null;
    return drag;
  }

  // -- Removing -----------------------------------------------------------------------------------

  /** @param {SubmitEvent} event */
  removeByButton(event) {
    event.preventDefault();
    const button = /** @type {HTMLButtonElement} */ (event.submitter);
    const body = new FormData(this.forms.remove, button);
    button.disabled = true; // against a second click
    this.pending = this.pending
      .then(async () => {
        const response = await this.send(this.forms.remove, body);
        button.disabled = false;
        if (response) this.showRemoved(button.closest("[data-video]"), await response.text());
      })
      .catch(() => location.reload());
  }

  /** @param {HTMLElement} row @param {string} html the site's response: facts and a toast */
  showRemoved(row, html) {
    const neighbor = row.nextElementSibling ?? row.previousElementSibling;
    const response = document.createElement("template");
    response.innerHTML = html;
    const facts = response.content.getElementById("playlist-facts");
    document.getElementById(facts.id).replaceWith(facts);
    const toasts = response.content.querySelectorAll("clip-toast");
    document.getElementById("toasts").append(...toasts);
    const hadFocus =
      row.contains(document.activeElement) || document.activeElement === document.body;
    row.remove();
    if (!this.rows.length) this.showEmpty(document.querySelector("#toasts form"));
    else if (hadFocus) neighbor?.querySelector('[form="remove"]')?.focus();
  }

  /** Loads the page of an empty playlist, which offers to undo the last removal.
      @param {HTMLFormElement | null} undo */
  showEmpty(undo) {
    const { video, position } = /** @type {any} */ (undo?.elements ?? {});
    const removed = undo ? `?removed=${video.value}&position=${position.value}` : "";
    location.assign(location.pathname + removed);
  }

  // -- Requests -----------------------------------------------------------------------------------

  /** Returns the response, or null after a failure: then the page shows what the site has.
      @param {HTMLFormElement} form @param {FormData} body */
  async send(form, body) {
    try {
      const headers = { "HX-Request": "true" };
      const options = { method: "POST", body, headers, keepalive: true };
      let response = await fetch(form.action, options);
      if (response.status === 403) {
        const { post } = await import("./csrf_token.js");
        response = await post(form.action, options);
      }
      if (response.ok) return response;
      location.reload();
    } catch {
      toast("Couldn't save the new order. Reload the page and try again.", "error");
    }
    return null;
  }
}

/** @param {Element} row */
const middleOf = (row) => {
  const { top, height } = row.getBoundingClientRect();
  return top + height / 2;
};

customElements.define("clip-playlist-entries", ClipPlaylistEntries);
