/** <clip-playlist-entries>: a playlist's rows, moved by buttons or by their grips, and taken out. What is moved
    moves at once; the site is told which video it stands behind now. */
import { toast } from "./clip-toast.js";

const EDGE = 72; // pixels from the edge of the window, where the page scrolls along
const STEP = 10; // pixels a frame

class ClipPlaylistEntries extends HTMLElement {
  connectedCallback() {
    this.list = this.querySelector("ol");
    this.forms = {
      move: document.getElementById("move"),
      remove: document.getElementById("remove"),
    };
    this.said = this.querySelector("[data-said]");
    this.telling = Promise.resolve();
    this.list.dataset.ready = "";
    this.showGrips();
    this.addEventListener("htmx:afterSwap", () => this.showGrips());
    this.addEventListener("pointerdown", (event) => this.grip(event));
    this.forms.move.addEventListener("submit", (event) => this.press(event));
    this.forms.remove.addEventListener("submit", (event) => this.takeOut(event));
  }

  showGrips() {
    for (const grip of this.list.querySelectorAll("[data-grip]")) grip.hidden = false;
  }

  get rows() {
    return [...this.list.querySelectorAll(":scope > [data-video]")];
  }

  // -- by buttons --

  press(event) {
    const button = event.submitter;
    const row = button.closest("[data-video]");
    const isUp = button.name === "up";
    const next = isUp ? row.previousElementSibling : row.nextElementSibling;
    if (next && !next.dataset.video) return; // beyond what is loaded the site knows more
    event.preventDefault();
    if (!next) return;
    // The neighbour moves, so that what has the focus keeps it.
    this.list.insertBefore(next, isUp ? row.nextElementSibling : row);
    row.scrollIntoView({ block: "nearest" });
    this.tell(row);
  }

  /** One after the other: where a row goes depends on where the others are by then. */
  tell(row) {
    const number = this.list.start + this.rows.indexOf(row);
    this.said.textContent = `${row.querySelector("h3").textContent}: number ${number} now.`;
    const body = new FormData(this.forms.move);
    body.set("video", row.dataset.video);
    body.set("behind", row.previousElementSibling?.dataset.video ?? "");
    this.telling = this.telling.then(() => this.send(this.forms.move, body));
  }

  // -- by dragging --

  grip(event) {
    const row = event.target.closest("[data-grip]")?.closest("[data-video]");
    if (!row || !event.isPrimary || event.button !== 0 || this.drag) return;
    event.preventDefault();
    this.drag = {
      row,
      before: row.nextElementSibling, // where it goes back to
      grab: event.clientY - row.getBoundingClientRect().top,
      y: event.clientY,
    };
    row.dataset.dragged = "";
    this.watch("addEventListener");
    this.frame = requestAnimationFrame(this.follow);
  }

  /** The window hears it all, wherever the pointer is. */
  watch(method) {
    window[method]("pointermove", this.note);
    window[method]("pointerup", this.drop);
    window[method]("pointercancel", this.giveUp);
    window[method]("keydown", this.escape, true);
  }

  note = (event) => {
    this.drag.y = event.clientY;
  };

  follow = () => {
    const { row, grab, y } = this.drag;
    if (y < EDGE) scrollBy({ top: -STEP, behavior: "instant" });
    if (y > innerHeight - EDGE) scrollBy({ top: STEP, behavior: "instant" });
    row.style.transform = "none";
    this.trade(row, y);
    const { top } = row.getBoundingClientRect();
    row.style.transform = `translateY(${y - grab - top}px)`;
    this.frame = requestAnimationFrame(this.follow);
  };

  /** The others make room: moving the row itself would end the touch. */
  trade(row, y) {
    for (;;) {
      const before = row.previousElementSibling;
      const after = row.nextElementSibling;
      if (before?.dataset.video && y < middle(before)) this.list.insertBefore(before, after);
      else if (after?.dataset.video && y > middle(after)) this.list.insertBefore(after, row);
      else return;
    }
  }

  drop = () => {
    const { row, before } = this.letGo();
    if (row.nextElementSibling !== before) this.tell(row);
  };

  giveUp = () => {
    const { row, before } = this.letGo();
    this.list.insertBefore(row, before);
  };

  escape = (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    this.giveUp();
  };

  letGo() {
    const { drag } = this;
    cancelAnimationFrame(this.frame);
    this.watch("removeEventListener");
    drag.row.style.transform = "";
    delete drag.row.dataset.dragged;
    this.drag = null;
    return drag;
  }

  // -- taking out --

  takeOut(event) {
    event.preventDefault();
    const button = event.submitter;
    const body = new FormData(this.forms.remove, button);
    button.disabled = true; // once
    this.telling = this.telling
      .then(async () => {
        const answer = await this.send(this.forms.remove, body);
        button.disabled = false;
        if (answer) this.takenOut(button.closest("[data-video]"), await answer.text());
      })
      .catch(() => location.reload());
  }

  takenOut(row, html) {
    const beside = row.nextElementSibling ?? row.previousElementSibling;
    const news = document.createElement("template");
    news.innerHTML = html;
    const facts = news.content.getElementById("playlist-facts");
    document.getElementById(facts.id).replaceWith(facts);
    document.getElementById("toasts").append(...news.content.querySelectorAll("clip-toast"));
    const hadFocus =
      row.contains(document.activeElement) || document.activeElement === document.body;
    row.remove();
    if (!this.rows.length) this.showEmpty(document.querySelector("#toasts form"));
    else if (hadFocus) beside?.querySelector('[form="remove"]')?.focus();
  }

  /** What an empty one says, and how the last one is put back. */
  showEmpty(undo) {
    const { video, position } = undo?.elements ?? {};
    const removed = undo ? `?removed=${video.value}&position=${position.value}` : "";
    location.assign(location.pathname + removed);
  }

  // -- telling the site --

  /** The answer, or null where it went wrong: then the page shows what the site has. */
  async send(form, body) {
    try {
      const headers = { "HX-Request": "true" };
      const options = { method: "POST", body, headers, keepalive: true };
      let answer = await fetch(form.action, options);
      if (answer.status === 403) {
        const { post } = await import("./csrf_token.js");
        answer = await post(form.action, options);
      }
      if (answer.ok) return answer;
      location.reload();
    } catch {
      toast("That did not reach the site. Reload the page and try it again.", "error");
    }
    return null;
  }
}

const middle = (row) => {
  const { top, height } = row.getBoundingClientRect();
  return top + height / 2;
};

customElements.define("clip-playlist-entries", ClipPlaylistEntries);
