/** The log-in, the token for changes, the quota and the storage: each can change in another tab or device. */

/** Needed once a token was refused. */
const renewToken = async () => (await import("../csrf_token.js")).renewToken();

const CHECK_EVERY = 15_000; // milliseconds

export class UploadSession {
  /** @type {Promise<void> | null} */
  waiting = null; // for the log-in
  /** @type {(() => void) | null} */
  checkLogin = null; // while it is waited for

  /** @param {ClipUpload} page @param {() => void} onQuota called when what is left changed */
  constructor(page, onQuota) {
    const { uploads = "", leftBytes, storageLeftBytes } = page.dataset;
    this.uploads = uploads;
    /** @type {UploadRoom} */
    this.left = {
      quota: leftBytes ? Number(leftBytes) : null,
      storage: storageLeftBytes ? Number(storageLeftBytes) : null,
    };
    this.onQuota = onQuota;
  }

  get token() {
    return JSON.parse(document.body.getAttribute("hx-headers") ?? "{}")["X-CSRFToken"];
  }

  /** Bytes that are left by an answer of the site; null or undefined without a limit.
      @param {string | number | null | undefined} quota
      @param {string | number | null | undefined} storage */
  leftHeard(quota, storage) {
    const heard = {
      quota: quota === null || quota === undefined ? this.left.quota : Number(quota),
      storage: storage === null || storage === undefined ? this.left.storage : Number(storage),
    };
    if (heard.quota === this.left.quota && heard.storage === this.left.storage) return;
    this.left = heard;
    this.onQuota();
  }

  /** Sends a request with the token, and once more with a new one. Redirects are not followed:
      nothing here needs to see where they lead.
      @param {string} address @param {RequestInit} [options] as of fetch */
  async request(address, options = {}) {
    const send = () => {
      const headers = { Accept: "application/json", "X-CSRFToken": this.token };
      const all = { ...headers, .../** @type {object} */ (options.headers) };
      return fetch(address, { redirect: "manual", cache: "no-store", ...options, headers: all });
    };
    const response = await send();
    return response.status === 403 && (await renewToken()) === "in" ? send() : response;
  }

  /** The member's unfinished uploads, newest first. @returns {Promise<UnfinishedUpload[]>} */
  async unfinished() {
    const response = await this.request(this.uploads);
    if (!response.ok) throw new Error(`the list of uploads: ${response.status}`);
    const answer = await response.json();
    this.leftHeard(answer.quota_left, answer.storage_left);
    return answer.uploads;
  }

  /** Ends an upload. Returns whether it is gone. @param {string} url */
  async end(url) {
    const headers = { "Tus-Resumable": "1.0.0" };
    const response = await this.request(url, { method: "DELETE", headers });
    const { headers: heard } = response;
    this.leftHeard(heard.get("Clipset-Quota-Left"), heard.get("Clipset-Storage-Left"));
    return response.ok || response.status === 404 || response.status === 410;
  }

  /** Resolves when this member is logged in again. Checks at once, since the token alone may have
      been stale, and then whenever the member comes back to this page.
      @param {(state: "out" | "other") => void} onOut */
  loggedIn(onOut) {
    this.waiting ??= new Promise((resolve) => {
      const check = async () => {
        if (document.hidden) return;
        const state = await renewToken().catch(() => /** @type {"out"} */ ("out"));
        if (state !== "in") return void onOut(state);
        clearInterval(timer);
        removeEventListener("focus", check);
        document.removeEventListener("visibilitychange", check);
        this.checkLogin = this.waiting = null;
        resolve();
      };
      const timer = setInterval(check, CHECK_EVERY);
      addEventListener("focus", check);
      document.addEventListener("visibilitychange", check);
      this.checkLogin = check;
      check();
    });
    return this.waiting;
  }
}
