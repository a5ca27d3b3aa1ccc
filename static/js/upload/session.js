/** Who is logged in, the token that changes need, and the quota: all three may change elsewhere. */

const LOOK_EVERY = 15_000; // milliseconds

export class Session {
  /** `page` is the <clip-upload>. */
  constructor(page, { onQuota }) {
    this.uploads = page.dataset.uploads;
    this.left = page.dataset.leftBytes === "" ? null : Number(page.dataset.leftBytes);
    this.onQuota = onQuota;
  }

  get token() {
    return JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"];
  }

  /** What an answer says is left, in bytes; null where there is no quota. */
  heard(left) {
    if (left === null || left === undefined || Number(left) === this.left) return;
    this.left = Number(left);
    this.onQuota();
  }

  /** With the token, and once more with a new one. Redirects are not followed: nothing here needs
   * to see where they lead. */
  async ask(address, options = {}) {
    const answer = await this.askOnce(address, options);
    if (answer.status !== 403 || (await this.renew()) !== "in") return answer;
    return this.askOnce(address, options);
  }

  askOnce(address, options) {
    const headers = { Accept: "application/json", "X-CSRFToken": this.token, ...options.headers };
    return fetch(address, { redirect: "manual", cache: "no-store", ...options, headers });
  }

  /** The member's uploads that are not finished, newest first. */
  async unfinished() {
    const answer = await this.ask(this.uploads);
    if (!answer.ok) throw new Error(`the list of uploads: ${answer.status}`);
    const found = await answer.json();
    this.heard(found.quota_left);
    return found.uploads;
  }

  /** Ends an upload; true when it is not there any more. */
  async end(url) {
    const answer = await this.ask(url, {
      method: "DELETE",
      headers: { "Tus-Resumable": "1.0.0" },
    });
    this.heard(answer.headers.get("Clipset-Quota-Left"));
    return answer.ok || answer.status === 404 || answer.status === 410;
  }

  /** Takes a new token into the page: "in", or "out", or "other". */
  async renew() {
    const { renewToken } = await import("../csrf_token.js");
    return renewToken();
  }

  /** Resolves when this member is logged in again. Asks at once, since only the token may have
   * been too old, then whenever one comes back to this page. */
  again(onOut) {
    this.back ??= new Promise((resolve) => {
      const look = async () => {
        if (document.hidden) return;
        const found = await this.renew().catch(() => "out");
        if (found !== "in") return void onOut(found);
        clearInterval(timer);
        removeEventListener("focus", look);
        document.removeEventListener("visibilitychange", look);
        this.look = this.back = null;
        resolve();
      };
      const timer = setInterval(look, LOOK_EVERY);
      addEventListener("focus", look);
      document.addEventListener("visibilitychange", look);
      this.look = look;
      look();
    });
    return this.back;
  }
}
