/** <clip-player>: media-chrome's controls around one video, and what media-chrome has not: sources,
    shortcuts, gestures, hints and preferences. media-chrome keeps the volume itself. */
import { Captions } from "./captions.js";
import { Renditions } from "./renditions.js";
import { Shortcuts } from "./shortcuts.js";
import { Sounds } from "./sounds.js";
import { Source } from "./source.js";
import { recall, remember } from "./storage.js";
import { clock } from "./units.js";
import { WatchProgress } from "./watch_progress.js";

const SPEEDS = [0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2];
const DEFAULT_FPS = 30; // where the site does not know the frame rate
const RESUMED_FOR = 3000; // milliseconds for which a page says where playback resumes
const DOUBLE_TAP = 300; // milliseconds between two taps

export class ClipPlayer extends HTMLElement {
  /** @type {HTMLElement} */
  frame;
  /** @type {MediaChromeVideo} */
  video;
  /** @type {HTMLElement} */
  hint;
  /** @type {Source} */
  source;
  /** @type {Sounds} */
  sounds;
  /** @type {Captions} */
  captions;
  /** @type {Shortcuts} */
  shortcuts;
  /** @type {WatchProgress} */
  watchProgress;
  closing = new AbortController();
  /** @type {number | undefined} */
  timer; // ends a hint
  /** @type {{ text: string, link?: HTMLElement } | null} */
  status = null; // the hint that stays
  pointerType = "";
  /** @type {{ at: number, third: number } | undefined} */
  lastTap;

  connectedCallback() {
    this.frame = this.querySelector("media-controller");
    this.open();
  }

  disconnectedCallback() {
    this.close();
  }

  open() {
    this.closing = new AbortController();
    this.video = /** @type {any} */ (this.querySelector("video"));
    this.hint = this.querySelector(".player__hint");
    this.sounds = new Sounds(this);
    this.source = new Source(this);
    this.captions = new Captions(this);
    this.shortcuts = new Shortcuts(this);
    this.watchProgress = new WatchProgress(this.video, this.dataset.view);
    this.restoreSpeed();
    this.listen();
    // media-chrome looks for it when it is defined.
    const menu = this.querySelector("media-rendition-menu");
    this.video.videoRenditions = new Renditions(this.source.quality, menu);
    customElements.whenDefined("media-controller").then(() => {
      this.video.controls = false;
    });
    this.source.open();
    this.describeToDevice();
    if ("resumed" in this.dataset) this.showResumed();
    const help = document.getElementById("shortcuts-button");
    if (help) help.hidden = false;
  }

  close() {
    this.closing.abort();
    clearTimeout(this.timer);
    this.status = null;
    this.shortcuts.close();
    this.watchProgress.close();
    this.source.close();
  }

  /** Plays another video in the same frame. close() comes before.
      @param {ClipPlayer} player of another page */
  take(player) {
    for (const name of Object.keys(this.dataset)) delete this.dataset[name];
    Object.assign(this.dataset, player.dataset);
    this.frame.replaceChildren(...player.querySelector("media-controller").childNodes);
    this.open();
  }

  listen() {
    const { signal } = this.closing;
    const showQualities = () => {
      this.video.videoRenditions.refresh();
      this.offer(".player__quality", this.video.videoRenditions.length > 0);
    };
    this.addEventListener("clip-quality", showQualities, { signal });
    this.video.addEventListener("ratechange", () => this.saveSpeed());
    this.addEventListener("pointerup", this.tap, { signal });
    this.addEventListener("dblclick", this.doubleClick, { signal });
    document.addEventListener("clip-seek", this.seek, { signal });
  }

  /** Adds an item to the menu or takes it out. A merely hidden item would still get the focus.
      @param {string} item selector @param {boolean} isOffered */
  offer(item, isOffered) {
    this.querySelector(item).slot = isOffered ? "" : "none";
  }

  /** For lock screens, media keys and headphones. */
  describeToDevice() {
    if (!("mediaSession" in navigator)) return;
    const { poster } = this.video;
    navigator.mediaSession.metadata = new MediaMetadata({
      title: this.video.ariaLabel ?? "",
      artist: this.dataset.by,
      artwork: poster ? [{ src: poster }] : [],
    });
  }

  restoreSpeed() {
    const speed = Number(recall("speed") ?? 1);
    if (!SPEEDS.includes(speed)) return;
    this.video.defaultPlaybackRate = speed;
    this.video.playbackRate = speed;
  }

  saveSpeed() {
    remember("speed", String(this.video.playbackRate));
  }

  // -- Hints --------------------------------------------------------------------------------------

  /** Shows a hint for a moment. @param {string} text */
  showHint(text, milliseconds = 900) {
    this.show(text);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.showOnlyStatus(), milliseconds);
  }

  /** Shows where playback resumes until the video's metadata is there, and for a moment longer: on a
      slow line the hint would be gone before there is anything to see. Any other hint replaces it. */
  showResumed() {
    if (this.status) return;
    const text = `Resuming at ${clock(Number(this.dataset.start))}`;
    const endSoon = () => {
      if (!this.hint.hidden && this.hint.textContent === text) this.showHint(text, RESUMED_FOR);
    };
    this.show(text);
    const { signal } = this.closing;
    if (this.video.readyState) endSoon();
    else this.video.addEventListener("loadedmetadata", endSoon, { once: true, signal });
  }

  /** Shows a hint until it is cleared. @param {string} text @param {HTMLElement} [link] */
  showStatus(text, link) {
    if (this.status?.text === text) return;
    this.status = { text, link };
    clearTimeout(this.timer);
    this.showOnlyStatus();
  }

  /** @param {string} text */
  clearStatus(text) {
    if (this.status?.text !== text) return;
    this.status = null;
    this.showOnlyStatus();
  }

  showLoggedOut() {
    const link = document.createElement("a");
    link.href = this.dataset.login ?? "";
    link.textContent = "Log in";
    this.showStatus("You've been logged out. ", link);
  }

  /** Shows, instead of the player, that the video is still processed. The page then reloads once
      there is something to play. Returns false where the page has nothing else to show. */
  showProcessing() {
    const stage = this.parentElement;
    const template = stage?.querySelector("template[data-processing]");
    if (!stage || !template) return false;
    stage.replaceChildren(template.content.cloneNode(true));
    window.htmx?.process(stage);
    const help = document.getElementById("shortcuts-button");
    if (help) help.hidden = true;
    return true;
  }

  /** @param {(string | Node)[]} content */
  show(...content) {
    this.hint.replaceChildren(...content);
    this.hint.hidden = false;
  }

  showOnlyStatus() {
    this.hint.hidden = !this.status;
    if (this.status) this.show(this.status.text, this.status.link ?? "");
  }

  // -- Actions ------------------------------------------------------------------------------------

  playOrPause() {
    if (this.video.paused) this.video.play().catch(() => {});
    else this.video.pause();
  }

  /** @param {number} seconds */
  goTo(seconds) {
    if (Number.isFinite(seconds)) this.video.currentTime = seconds;
  }

  /** @param {number} tenth of the duration, 0 to 9 */
  goToTenth(tenth) {
    this.goTo((this.video.duration * tenth) / 10);
  }

  /** @param {number} seconds */
  skip(seconds) {
    const end = this.video.duration || Infinity;
    this.goTo(Math.max(0, Math.min(end, this.video.currentTime + seconds)));
    this.showHint(seconds < 0 ? `− ${-seconds} s` : `+ ${seconds} s`);
  }

  /** Goes to the middle of a frame: at its edge browsers show either neighbor.
      @param {number} frames */
  step(frames) {
    const fps = Number(this.dataset.fps) || DEFAULT_FPS;
    const frame = Math.floor(this.video.currentTime * fps + 0.01) + frames;
    this.video.pause();
    this.goTo((Math.max(0, frame) + 0.5) / fps);
  }

  /** @param {number} by of 1 */
  changeVolume(by) {
    const volume = Math.round((this.video.volume + by) * 10) / 10;
    this.request("volume", Math.max(0, Math.min(1, volume)));
    this.showHint(`Volume ${Math.round(this.video.volume * 100)}%`);
  }

  mute() {
    this.request(this.video.muted ? "unmute" : "mute");
    this.showHint(this.video.muted ? "Muted" : "Unmuted");
  }

  /** @param {number} by steps in SPEEDS */
  changeSpeed(by) {
    const at = SPEEDS.findIndex((speed) => speed >= this.video.playbackRate);
    this.video.playbackRate = SPEEDS[Math.max(0, Math.min(SPEEDS.length - 1, at + by))];
    this.saveSpeed(); // now: the page may be gone before the event comes
    this.showHint(`${this.video.playbackRate}×`);
  }

  fullscreen() {
    this.request(document.fullscreenElement ? "exitfullscreen" : "enterfullscreen");
  }

  /** Asks media-chrome, which stores its own preferences.
      @param {string} action @param {unknown} [detail] */
  request(action, detail) {
    this.frame.dispatchEvent(new CustomEvent(`media${action}request`, { detail }));
  }

  // -- Gestures, and times in texts ---------------------------------------------------------------

  /** @param {PointerEvent} event */
  tap = (event) => {
    this.pointerType = event.pointerType;
    if (event.pointerType !== "touch" || !this.isOnVideo(event)) return;
    const { left, width } = this.getBoundingClientRect();
    const third = Math.floor(((event.clientX - left) / width) * 3);
    const { at = -Infinity, third: lastThird } = this.lastTap ?? {};
    const isSecond = event.timeStamp - at < DOUBLE_TAP && third === lastThird;
    this.lastTap = { at: event.timeStamp, third };
    if (isSecond && third !== 1) this.skip(third ? 10 : -10);
  };

  /** @param {MouseEvent} event */
  doubleClick = (event) => {
    if (this.pointerType !== "touch" && this.isOnVideo(event)) this.fullscreen();
  };

  /** @param {Event} event */
  isOnVideo({ target }) {
    return target === this.video || target === this.frame;
  }

  /** @param {CustomEvent<{ seconds: number }>} event */
  seek = ({ detail }) => {
    this.goTo(detail.seconds);
    this.video.play().catch(() => {});
    this.scrollIntoView({ block: "nearest" });
  };
}

customElements.define("clip-player", ClipPlayer);
