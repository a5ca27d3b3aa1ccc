/** <clip-player>: keys over the browser's own player; volume and speed are remembered. */
import { Source } from "./source.js";
import { recall, remember } from "./store.js";

const SPEEDS = [0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2];
const FRAME = 1 / 30; // seconds; the true rate is not known to the page

class ClipPlayer extends HTMLElement {
  connectedCallback() {
    this.video = this.querySelector("video");
    this.hint = this.querySelector(".player__hint");
    const keys = document.getElementById("keys-button");
    if (keys) keys.hidden = false;
    this.restore();
    this.video.addEventListener("volumechange", () => this.keep());
    this.video.addEventListener("ratechange", () => this.keep());
    document.addEventListener("keydown", this.press, true);
    this.source = new Source(this);
    this.source.open();
  }

  disconnectedCallback() {
    document.removeEventListener("keydown", this.press, true);
    this.source.close();
  }

  restore() {
    const volume = Number(recall("volume") ?? 1);
    const speed = Number(recall("speed") ?? 1);
    if (volume >= 0 && volume <= 1) this.video.volume = volume;
    this.video.muted = recall("muted") === "yes";
    if (SPEEDS.includes(speed)) {
      this.video.defaultPlaybackRate = speed;
      this.video.playbackRate = speed;
    }
  }

  keep() {
    remember("volume", String(this.video.volume));
    remember("muted", this.video.muted ? "yes" : null);
    remember("speed", String(this.video.playbackRate));
  }

  /** For a moment, over what lasts. */
  say(text) {
    this.show(text);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.showLasting(), 900);
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

  press = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.target;
    if (target.closest("input, textarea, select, [contenteditable], [popover]")) return;
    const onPlayer = this.contains(target);
    // Buttons and links keep their own keys.
    if (!onPlayer && event.key === " " && target.closest("a, button, summary")) return;
    if (!onPlayer && (event.key === "ArrowUp" || event.key === "ArrowDown")) return;
    const action = this.action(event.key);
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  };

  action(key) {
    if (/^[0-9]$/.test(key)) return () => this.goTo((this.video.duration * Number(key)) / 10);
    return {
      " ": () => this.playOrPause(),
      k: () => this.playOrPause(),
      j: () => this.skip(-10),
      l: () => this.skip(10),
      ArrowLeft: () => this.skip(-5),
      ArrowRight: () => this.skip(5),
      ",": () => this.step(-1),
      ".": () => this.step(1),
      ArrowUp: () => this.louder(0.1),
      ArrowDown: () => this.louder(-0.1),
      m: () => this.mute(),
      "<": () => this.faster(-1),
      ">": () => this.faster(1),
      c: () => this.captions(),
      f: () => this.fullscreen(),
      t: () => document.querySelector("clip-theatre")?.turn(),
      "?": () => document.getElementById("keys")?.togglePopover(),
    }[key.length === 1 ? key.toLowerCase() : key];
  }

  playOrPause() {
    if (this.video.paused) this.video.play().catch(() => {});
    else this.video.pause();
  }

  goTo(seconds) {
    if (Number.isFinite(seconds)) this.video.currentTime = seconds;
  }

  skip(seconds) {
    const end = this.video.duration || Infinity;
    this.goTo(Math.max(0, Math.min(end, this.video.currentTime + seconds)));
    this.say(seconds < 0 ? `− ${-seconds} s` : `+ ${seconds} s`);
  }

  step(frames) {
    this.video.pause();
    this.goTo(Math.max(0, this.video.currentTime + frames * FRAME));
  }

  louder(by) {
    this.video.muted = false;
    this.video.volume = Math.max(0, Math.min(1, Math.round((this.video.volume + by) * 10) / 10));
    this.keep(); // now: the event comes later, and the page may be gone by then
    this.say(`Volume ${Math.round(this.video.volume * 100)} %`);
  }

  mute() {
    this.video.muted = !this.video.muted;
    this.say(this.video.muted ? "Sound off" : "Sound on");
  }

  faster(by) {
    const at = SPEEDS.findIndex((speed) => speed >= this.video.playbackRate);
    this.video.playbackRate = SPEEDS[Math.max(0, Math.min(SPEEDS.length - 1, at + by))];
    this.keep();
    this.say(`${this.video.playbackRate}×`);
  }

  captions() {
    const tracks = [...this.video.textTracks];
    const shown = tracks.find((track) => track.mode === "showing");
    if (shown) shown.mode = "disabled";
    else if (tracks.length) tracks[0].mode = "showing";
    if (!tracks.length) this.say("No captions");
    else this.say(shown ? "Captions off" : tracks[0].label);
  }

  fullscreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else if (this.video.requestFullscreen) this.video.requestFullscreen().catch(() => {});
    else this.video.webkitEnterFullscreen?.();
  }
}

customElements.define("clip-player", ClipPlayer);
