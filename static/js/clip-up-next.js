/** <clip-up-next>: the playlist beside the player. What comes next starts by itself after a countdown
    that anything ends; keys for the next video and the one before. */
import { handOver, recall, remember, takeOver } from "./storage.js";

const SECONDS = 6;
const TICK = 100; // milliseconds
const TYPING = "input, textarea, select, [contenteditable]";
const MODIFIERS = ["Shift", "Control", "Alt", "Meta"];

class ClipUpNext extends HTMLElement {
  connectedCallback() {
    this.video = document.querySelector("clip-player video");
    this.next = this.querySelector("[data-next]");
    this.previous = this.querySelector("[data-previous]");
    this.end = document.querySelector("clip-end-screen [data-upcoming]");
    this.upcoming = this.end?.querySelector("a");
    this.way("autoplay", true);
    this.way("loop", false);
    this.showCurrent();
    document.addEventListener("keydown", this.press);
    for (const link of [this.next, this.previous, this.upcoming]) {
      link?.addEventListener("click", (event) => {
        if (!event.ctrlKey && !event.metaKey && !event.shiftKey) this.willPlay(link);
      });
    }
    this.takeMediaKeys();
    if (!this.video) return;
    this.video.addEventListener("ended", this.ended);
    this.end?.querySelector(".end__cancel").addEventListener("click", () => this.cancel());
    if (takeOver("play") === this.dataset.shortId) this.video.play().catch(() => {});
  }

  disconnectedCallback() {
    this.cancel();
    document.removeEventListener("keydown", this.press);
    this.video?.removeEventListener("ended", this.ended);
  }

  // -- what is on, and remembered --

  way(name, isUsual) {
    const button = this.querySelector(`[data-${name}]`);
    const known = recall(name);
    this[name] = known === null ? isUsual : known === "on";
    const show = () => button.setAttribute("aria-pressed", String(this[name]));
    button.addEventListener("click", () => {
      this[name] = !this[name];
      remember(name, this[name] ? "on" : "off");
      show();
      this.takeMediaKeys();
    });
    show();
    button.closest("[data-ways]").hidden = false;
  }

  /** In the list, without moving the page. */
  showCurrent() {
    const list = this.querySelector(".queue__window");
    const item = list.querySelector("[aria-current]");
    list.scrollTop = item.offsetTop - Math.max(0, list.clientHeight / 3 - item.offsetHeight);
  }

  // -- going on --

  /** After the last one comes the first, where the playlist is looped. */
  get following() {
    return this.next ?? (this.loop ? this.upcoming : null);
  }

  async go(link) {
    if (!link) return;
    this.willPlay(link);
    if (document.fullscreenElement) (await import("./fullscreen_navigation.js")).goTo(link.href);
    else location.assign(link.href);
  }

  willPlay(link) {
    handOver("play", link.pathname.split("/").at(-2));
  }

  takeMediaKeys() {
    const { following, previous } = this;
    const keys = { nexttrack: following, previoustrack: previous };
    for (const [key, link] of Object.entries(keys)) {
      navigator.mediaSession?.setActionHandler(key, link ? () => this.go(link) : null);
    }
  }

  press = (event) => {
    if (!event.shiftKey || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest(`${TYPING}, [popover]`)) return;
    const key = event.key.toLowerCase();
    if (key === "n") this.go(this.following);
    if (key === "p") this.go(this.previous);
  };

  // -- at the end of a film --

  ended = () => {
    if (this.isBusy) return;
    const isAlone = !this.following && !this.upcoming;
    if (isAlone && this.loop) this.video.play().catch(() => {});
    else if (this.autoplay && this.following) this.count();
  };

  /** Nobody loses what they are writing, or what they look at. */
  get isBusy() {
    const texts = [...document.querySelectorAll("textarea")];
    return (
      document.activeElement?.matches(TYPING) ||
      document.querySelector(":popover-open") !== null ||
      texts.some((text) => text.value !== text.defaultValue)
    );
  }

  count() {
    this.cancel();
    this.until = performance.now() + SECONDS * 1000;
    this.part("[role=status]").textContent =
      `${this.part(".end__name").textContent} starts in ${SECONDS} seconds. Any key cancels that.`;
    this.part("[data-counting]").hidden = false;
    this.part("progress").max = SECONDS * 1000;
    this.timer = setInterval(this.tick, TICK);
    this.tick();
    this.watch("addEventListener");
  }

  tick = () => {
    const left = Math.max(0, this.until - performance.now());
    this.part("progress").value = SECONDS * 1000 - left;
    this.part("[data-left]").textContent = `Starts in ${Math.ceil(left / 1000)} s`;
    if (left > 0) return;
    this.cancel();
    this.go(this.upcoming);
  };

  cancel = () => {
    if (!this.timer) return;
    clearInterval(this.timer);
    this.timer = null;
    this.part("[data-counting]").hidden = true;
    this.part("[role=status]").textContent = "";
    this.watch("removeEventListener");
  };

  /** All that says that somebody wants something else. */
  watch(method) {
    window[method]("keydown", this.cancelByKey, true);
    window[method]("pagehide", this.cancel);
    document[method]("focusin", this.cancelByTyping);
    for (const event of ["play", "seeking", "pause"]) this.video[method](event, this.cancel);
  }

  cancelByKey = (event) => {
    if (MODIFIERS.includes(event.key)) return;
    this.cancel();
    // Such a key does nothing else, but for those that lead somewhere.
    const isCombined = event.ctrlKey || event.metaKey || event.altKey || event.shiftKey;
    if (isCombined || ["Tab", "Enter"].includes(event.key)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  };

  cancelByTyping = (event) => {
    if (event.target.matches(TYPING)) this.cancel();
  };

  part(selector) {
    return this.end.querySelector(selector);
  }
}

customElements.define("clip-up-next", ClipUpNext);
