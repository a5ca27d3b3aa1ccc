/** <clip-up-next>: the rest of a playlist beside the player. The next video starts after a countdown,
    which any action of the member ends. Shift+N and Shift+P go to the next and previous video. */
import { handOver, recall, remember, takeOver } from "./storage.js";

const SECONDS = 6;
const TICK = 100; // milliseconds
const TEXT_FIELDS = "input, textarea, select, [contenteditable]";
const MODIFIERS = ["Shift", "Control", "Alt", "Meta"];

class ClipUpNext extends HTMLElement {
  /** @type {HTMLVideoElement | null} */
  video = null;
  /** @type {HTMLAnchorElement | null} */
  next = null;
  /** @type {HTMLAnchorElement | null} */
  previous = null;
  /** @type {HTMLElement | null} */
  endScreen = null; // the part of <clip-end-screen> that offers the next video
  /** @type {HTMLAnchorElement | null} */
  upcoming = null; // its link: the next video, or the first one after the last
  autoplay = true;
  loop = false;
  countdownEnd = 0; // as of performance.now()
  /** @type {number | null} */
  timer = null;

  connectedCallback() {
    this.video = document.querySelector("clip-player video");
    this.next = this.querySelector("[data-next]");
    this.previous = this.querySelector("[data-previous]");
    this.endScreen = document.querySelector("clip-end-screen [data-upcoming]");
    this.upcoming = this.endScreen?.querySelector("a") ?? null;
    this.setUpOption("autoplay", true);
    this.setUpOption("loop", false);
    this.scrollToCurrent();
    document.addEventListener("keydown", this.keydown);
    for (const link of [this.next, this.previous, this.upcoming]) {
      link?.addEventListener("click", (event) => {
        if (!event.ctrlKey && !event.metaKey && !event.shiftKey) this.playOnArrival(link);
      });
    }
    this.setMediaKeys();
    if (!this.video) return;
    this.video.addEventListener("ended", this.ended);
    this.endScreen?.querySelector(".end__cancel").addEventListener("click", () => this.cancel());
    if (takeOver("play") === this.dataset.shortId) this.video.play().catch(() => {});
  }

  disconnectedCallback() {
    this.cancel();
    document.removeEventListener("keydown", this.keydown);
    this.video?.removeEventListener("ended", this.ended);
  }

  // -- Options ------------------------------------------------------------------------------------

  /** A toggle button whose state this browser keeps.
      @param {"autoplay" | "loop"} name @param {boolean} defaultValue */
  setUpOption(name, defaultValue) {
    const button = this.querySelector(`[data-${name}]`);
    const stored = recall(name);
    this[name] = stored === null ? defaultValue : stored === "on";
    const show = () => button.setAttribute("aria-pressed", String(this[name]));
    button.addEventListener("click", () => {
      this[name] = !this[name];
      remember(name, this[name] ? "on" : "off");
      show();
      this.setMediaKeys();
    });
    show();
    button.closest("[data-options]").hidden = false;
  }

  /** Scrolls the list to the current video, without moving the page. */
  scrollToCurrent() {
    const list = this.querySelector(".up-next__window");
    const item = list.querySelector("[aria-current]");
    list.scrollTop = item.offsetTop - Math.max(0, list.clientHeight / 3 - item.offsetHeight);
  }

  // -- Going to another video ---------------------------------------------------------------------

  /** The next video; after the last one the first, where the playlist is looped. */
  get following() {
    return this.next ?? (this.loop ? this.upcoming : null);
  }

  /** @param {HTMLAnchorElement | null} link */
  async go(link) {
    if (!link) return;
    this.playOnArrival(link);
    if (document.fullscreenElement) (await import("./fullscreen_navigation.js")).goTo(link.href);
    else location.assign(link.href);
  }

  /** @param {HTMLAnchorElement} link */
  playOnArrival(link) {
    handOver("play", link.pathname.split("/").at(-2) ?? "");
  }

  setMediaKeys() {
    const { following, previous } = this;
    const set = (
      /** @type {MediaSessionAction} */ key,
      /** @type {HTMLAnchorElement | null} */ link,
    ) => navigator.mediaSession?.setActionHandler(key, link ? () => this.go(link) : null);
    set("nexttrack", following);
    set("previoustrack", previous);
  }

  /** @param {any} event a KeyboardEvent anywhere on the page */
  keydown = (event) => {
    if (!event.shiftKey || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest(`${TEXT_FIELDS}, [popover]`)) return;
    const key = event.key.toLowerCase();
    if (key === "n") this.go(this.following);
    if (key === "p") this.go(this.previous);
  };

  // -- The countdown at the end -------------------------------------------------------------------

  ended = () => {
    if (this.isMemberBusy) return;
    const isOnlyVideo = !this.following && !this.upcoming;
    if (isOnlyVideo && this.loop) this.video?.play().catch(() => {});
    else if (this.autoplay && this.following) this.startCountdown();
  };

  /** Whether the member is writing something or has a sheet open. */
  get isMemberBusy() {
    const texts = [...document.querySelectorAll("textarea")];
    return (
      document.activeElement?.matches(TEXT_FIELDS) ||
      document.querySelector(":popover-open") !== null ||
      texts.some((text) => text.value !== text.defaultValue)
    );
  }

  startCountdown() {
    this.cancel();
    this.countdownEnd = performance.now() + SECONDS * 1000;
    this.find("[role=status]").textContent =
      `${this.find(".end__name").textContent} starts in ${SECONDS} seconds. Press any key to cancel.`;
    this.find("[data-counting]").hidden = false;
    this.find("progress").max = SECONDS * 1000;
    this.timer = setInterval(this.tick, TICK);
    this.tick();
    this.watch(true);
  }

  tick = () => {
    const left = Math.max(0, this.countdownEnd - performance.now());
    this.find("progress").value = SECONDS * 1000 - left;
    this.find("[data-left]").textContent = `Starts in ${Math.ceil(left / 1000)} seconds`;
    if (left > 0) return;
    this.cancel();
    this.go(this.upcoming);
  };

  cancel = () => {
    if (!this.timer) return;
    clearInterval(this.timer);
    this.timer = null;
    this.find("[data-counting]").hidden = true;
    this.find("[role=status]").textContent = "";
    this.watch(false);
  };

  /** Listens for anything that shows that the member wants something else; or no longer.
      @param {boolean} isOn */
  watch(isOn) {
    const method = isOn ? "addEventListener" : "removeEventListener";
    window[method]("keydown", this.cancelByKey, true);
    window[method]("pagehide", this.cancel);
    document[method]("focusin", this.cancelByFocus);
    for (const event of ["play", "seeking", "pause"]) this.video?.[method](event, this.cancel);
  }

  /** @param {any} event a KeyboardEvent */
  cancelByKey = (event) => {
    if (MODIFIERS.includes(event.key)) return;
    this.cancel();
    // The key does nothing else, unless it moves the focus or follows a link.
    const isCombined = event.ctrlKey || event.metaKey || event.altKey || event.shiftKey;
    if (isCombined || ["Tab", "Enter"].includes(event.key)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  };

  /** @param {any} event a FocusEvent */
  cancelByFocus = (event) => {
    if (event.target.matches(TEXT_FIELDS)) this.cancel();
  };

  /** @param {string} selector inside the end screen @returns {any} */
  find(selector) {
    return this.endScreen?.querySelector(selector);
  }
}

customElements.define("clip-up-next", ClipUpNext);
