/** <clip-like>: shows a like at once, and takes it back when the site refuses it. */
import { toast } from "./clip-toast.js";
import { messageFor } from "./htmx_errors.js";

class ClipLike extends HTMLElement {
  /** @type {HTMLFormElement} */
  form;
  /** @type {HTMLButtonElement} */
  button;
  /** @type {HTMLElement} */
  count;
  /** @type {KnownLike | undefined} */
  known; // what the site has
  /** @type {Promise<void> | undefined} */
  sending;

  connectedCallback() {
    this.form = this.querySelector("form");
    this.button = this.querySelector("button");
    this.count = this.querySelector("[data-count]");
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.toggle();
    });
  }

  get liked() {
    return this.button.getAttribute("aria-pressed") === "true";
  }

  /** `count` is undefined where an abbreviated number is shown ("1.2K").
      @param {boolean} liked @param {number} [count] */
  show(liked, count) {
    this.button.setAttribute("aria-pressed", String(liked));
    this.button.value = liked ? "no" : "yes";
    if (count === undefined) return;
    this.count.textContent = String(count);
    this.count.hidden = !count;
  }

  /** Clicks during a request only change what is wanted: the last one counts. */
  toggle() {
    const shown = this.count.textContent;
    const number = /^\d+$/.test(shown) ? Number(shown) : undefined;
    const liked = !this.liked;
    this.show(liked, number === undefined ? undefined : Math.max(0, number + (liked ? 1 : -1)));
    this.known ??= { liked: !liked, count: number };
    this.sending ??= this.send(this.known).finally(() => {
      this.sending = undefined;
      this.known = undefined;
    });
  }

  /** Sends requests until the site has what is shown. @param {KnownLike} known */
  async send(known) {
    while (this.liked !== known.liked) {
      const wanted = this.liked;
      const result = await this.request(wanted);
      if (!result.done) {
        this.show(known.liked, known.count);
        if (result.login) (await import("./logged_out.js")).showLoggedOut(result.login);
        else toast(result.error, "error");
        return;
      }
      known = this.known = { liked: wanted, count: result.count };
    }
    if (known.count !== undefined && known.count < 1000) this.show(this.liked, known.count);
  }

  /** @param {boolean} wanted */
  async request(wanted) {
    const body = new FormData(this.form);
    body.set("liked", wanted ? "yes" : "no");
    try {
      const { post } = await import("./csrf_token.js");
      const headers = { Accept: "application/json" };
      const response = await post(this.form.action, { body, headers });
      if (response.status === 401) return { login: response.headers.get("HX-Redirect") };
      const result = await response.json().catch(() => ({})); // an error page is not JSON
      if (response.ok) return { done: true, count: result.count };
      return { error: result.error ?? messageFor(response.status) };
    } catch {
      return { error: messageFor(0) };
    }
  }
}

customElements.define("clip-like", ClipLike);
