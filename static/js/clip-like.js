/** <clip-like>: shows at once what a click means, and takes it back when the site refuses. */

import { toast } from "./clip-toast.js";
import { post } from "./csrf_token.js";
import { wordsFor } from "./htmx_errors.js";
import { sayLoggedOut } from "./logged_out.js";

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
        if (answer.login) sayLoggedOut(answer.login);
        else toast(answer.error, "error");
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
      const answer = await post(this.form.action, { body, headers });
      if (answer.status === 401) return { login: answer.headers.get("HX-Redirect") };
      const told = await answer.json().catch(() => ({})); // a page says what broke
      if (answer.ok) return { done: true, count: told.count };
      return { error: told.error ?? wordsFor(answer.status) };
    } catch {
      return { error: wordsFor(0) };
    }
  }
}

customElements.define("clip-like", ClipLike);
