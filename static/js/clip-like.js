/** <clip-like>: shows at once what a click means, and takes it back when the site refuses. */
import { toast } from "./clip-toast.js";

class ClipLike extends HTMLElement {
  connectedCallback() {
    this.form = this.querySelector("form");
    this.button = this.querySelector("button");
    this.count = this.querySelector("[data-count]");
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.turn();
    });
  }

  get liked() {
    return this.button.getAttribute("aria-pressed") === "true";
  }

  /** `count` is a number; undefined where what is shown is no plain number ("1.2K"). */
  show(liked, count) {
    this.button.setAttribute("aria-pressed", String(liked));
    this.button.value = liked ? "no" : "yes";
    if (count === undefined) return;
    this.count.textContent = count;
    this.count.hidden = !count;
  }

  /** Clicks while the site is asked only change what is wanted; the last one counts. */
  turn() {
    const shown = this.count.textContent;
    const number = /^\d+$/.test(shown) ? Number(shown) : undefined;
    const liked = !this.liked;
    this.show(liked, number === undefined ? undefined : Math.max(0, number + (liked ? 1 : -1)));
    this.known ??= { liked: !liked, count: number };
    this.sending ??= this.send().finally(() => {
      this.sending = undefined;
      this.known = undefined;
    });
  }

  async send() {
    while (this.liked !== this.known.liked) {
      const wanted = this.liked;
      const answer = await this.ask(wanted);
      if (!answer.done) {
        this.show(this.known.liked, this.known.count);
        toast(answer.error, "error");
        return;
      }
      this.known = { liked: wanted, count: answer.count };
    }
    if (this.known.count < 1000) this.show(this.liked, this.known.count);
  }

  async ask(wanted) {
    const body = new FormData(this.form);
    body.set("liked", wanted ? "yes" : "no");
    try {
      const headers = { Accept: "application/json" };
      const answer = await fetch(this.form.action, { method: "POST", body, headers });
      if (answer.status === 401) location.reload();
      const told = await answer.json();
      if (answer.ok) return { done: true, count: told.count };
      return { error: told.error ?? "That did not work. Try it again." };
    } catch {
      return { error: "That did not reach the site. Try it again in a moment." };
    }
  }
}

customElements.define("clip-like", ClipLike);
