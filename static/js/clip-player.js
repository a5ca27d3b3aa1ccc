/** <clip-player>: media-chrome's controls over one film, and what they leave to us: where the film
    comes from, keys, gestures, hints, and what is remembered. Volume is media-chrome's to keep. */
import { Captions } from "./captions.js";
import { Renditions } from "./renditions.js";
import { Keys } from "./shortcuts.js";
import { Source } from "./source.js";
import { recall, remember } from "./storage.js";
import { clock } from "./units.js";
import { Watching } from "./watch_progress.js";

const SPEEDS = [0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2];
const USUAL_FPS = 30; // where the site does not know it
const DOUBLE = 300; // milliseconds between two taps

class ClipPlayer extends HTMLElement {
  connectedCallback() {
    this.frame = this.querySelector("media-controller");
    this.open();
  }

  disconnectedCallback() {
    this.close();
  }

  open() {
    this.gone = new AbortController();
    this.video = this.querySelector("video");
    this.hint = this.querySelector(".player__hint");
    this.source = new Source(this);
    this.captions = new Captions(this);
    this.keys = new Keys(this);
    this.watching = new Watching(this.video, this.dataset.view);
    this.restoreSpeed();
    this.listen();
    // Before media-chrome looks for it.
    this.video.videoRenditions = new Renditions(this.source);
    customElements.whenDefined("media-controller").then(() => {
      this.video.controls = false;
    });
    this.source.open();
    this.tellDevice();
    if ("resumed" in this.dataset) this.say(`Goes on at ${clock(this.dataset.start)}`, 3000);
    const help = document.getElementById("keys-button");
    if (help) help.hidden = false;
  }

  close() {
    this.gone.abort();
    clearTimeout(this.timer);
    this.lasting = null;
    this.keys.close();
    this.watching.close();
    this.source.close();
  }

  /** Another film in the same frame, of the same element on another page. Closed before. */
  take(player) {
    for (const name of Object.keys(this.dataset)) delete this.dataset[name];
    Object.assign(this.dataset, player.dataset);
    this.frame.replaceChildren(...player.querySelector("media-controller").childNodes);
    this.open();
  }

  listen() {
    const { signal } = this.gone;
    const quality = () => {
      this.video.videoRenditions.refresh();
      this.offer(".player__quality", this.video.videoRenditions.length > 0);
    };
    this.addEventListener("clip-quality", quality, { signal });
    this.video.addEventListener("ratechange", () => this.keepSpeed());
    this.addEventListener("pointerup", this.tap, { signal });
    this.addEventListener("dblclick", this.doubleClick, { signal });
    document.addEventListener("clip-seek", this.seek, { signal });
  }

  /** What can't be chosen is no part of the menu: its keys would stop at what is merely hidden. */
  offer(item, isOffered) {
    this.querySelector(item).slot = isOffered ? "" : "none";
  }

  /** For lock screens, media keys and headphones. */
  tellDevice() {
    if (!("mediaSession" in navigator)) return;
    const { poster } = this.video;
    navigator.mediaSession.metadata = new MediaMetadata({
      title: this.video.ariaLabel,
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

  keepSpeed() {
    remember("speed", String(this.video.playbackRate));
  }

  // -- hints --

  /** For a moment, over what lasts. */
  say(text, milliseconds = 900) {
    this.show(text);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.showLasting(), milliseconds);
  }

  /** Until it is taken back; may have a link. */
  tell(text, link) {
    if (this.lasting?.text === text) return;
    this.lasting = { text, link };
    clearTimeout(this.timer);
    this.showLasting();
  }

  untell(text) {
    if (this.lasting?.text !== text) return;
    this.lasting = null;
    this.showLasting();
  }

  loggedOut() {
    const link = document.createElement("a");
    link.href = this.dataset.login;
    link.textContent = "Log in";
    this.tell("You are logged out. ", link);
  }

  show(text, ...more) {
    this.hint.replaceChildren(text, ...more);
    this.hint.hidden = false;
  }

  showLasting() {
    this.hint.hidden = !this.lasting;
    if (this.lasting) this.show(this.lasting.text, this.lasting.link ?? "");
  }

  // -- what can be done --

  playOrPause() {
    if (this.video.paused) this.video.play().catch(() => {});
    else this.video.pause();
  }

  goTo(seconds) {
    if (Number.isFinite(seconds)) this.video.currentTime = seconds;
  }

  goToTenth(tenth) {
    this.goTo((this.video.duration * tenth) / 10);
  }

  skip(seconds) {
    const end = this.video.duration || Infinity;
    this.goTo(Math.max(0, Math.min(end, this.video.currentTime + seconds)));
    this.say(seconds < 0 ? `− ${-seconds} s` : `+ ${seconds} s`);
  }

  /** To the middle of a frame: at its edge browsers show either. */
  step(frames) {
    const fps = Number(this.dataset.fps) || USUAL_FPS;
    const frame = Math.floor(this.video.currentTime * fps + 0.01) + frames;
    this.video.pause();
    this.goTo((Math.max(0, frame) + 0.5) / fps);
  }

  louder(by) {
    const volume = Math.round((this.video.volume + by) * 10) / 10;
    this.request("volume", Math.max(0, Math.min(1, volume)));
    this.say(`Volume ${Math.round(this.video.volume * 100)} %`);
  }

  mute() {
    this.request(this.video.muted ? "unmute" : "mute");
    this.say(this.video.muted ? "Sound off" : "Sound on");
  }

  faster(by) {
    const at = SPEEDS.findIndex((speed) => speed >= this.video.playbackRate);
    this.video.playbackRate = SPEEDS[Math.max(0, Math.min(SPEEDS.length - 1, at + by))];
    this.keepSpeed(); // now: the event comes later, and the page may be gone by then
    this.say(`${this.video.playbackRate}×`);
  }

  fullscreen() {
    this.request(document.fullscreenElement ? "exitfullscreen" : "enterfullscreen");
  }

  /** Asks media-chrome, which keeps what is to be kept. */
  request(what, detail) {
    this.frame.dispatchEvent(new CustomEvent(`media${what}request`, { detail }));
  }

  // -- fingers, pointers, and times in the page --

  tap = (event) => {
    this.pointer = event.pointerType;
    if (event.pointerType !== "touch" || !this.isOnPicture(event)) return;
    const { left, width } = this.getBoundingClientRect();
    const third = Math.floor(((event.clientX - left) / width) * 3);
    const isSecond = event.timeStamp - this.tapped?.at < DOUBLE && third === this.tapped.third;
    this.tapped = { at: event.timeStamp, third };
    if (isSecond && third !== 1) this.skip(third ? 10 : -10);
  };

  doubleClick = (event) => {
    if (this.pointer !== "touch" && this.isOnPicture(event)) this.fullscreen();
  };

  isOnPicture({ target }) {
    return target === this.video || target === this.frame;
  }

  seek = ({ detail }) => {
    this.goTo(detail.seconds);
    this.video.play().catch(() => {});
    this.scrollIntoView({ block: "nearest" });
  };
}

customElements.define("clip-player", ClipPlayer);
