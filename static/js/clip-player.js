/** <clip-player>: keys over the browser's own player; volume and speed are remembered. */
import { recall, remember } from "./store.js";

const SPEEDS = [0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2];
const FRAME = 1 / 30; // seconds; the true rate is not known to the page

class ClipPlayer extends HTMLElement {
  connectedCallback() {
    this.video = this.querySelector("video");
    this.hint = this.querySelector(".player__hint");
    document.getElementById("keys-button").hidden = false;
    this.restore();
    this.video.addEventListener("volumechange", () => this.keep());
    this.video.addEventListener("ratechange", () => this.keep());
    document.addEventListener("keydown", this.press, true);
  }

  disconnectedCallback() {
    document.removeEventListener("keydown", this.press, true);
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

  say(text) {
    this.hint.textContent = text;
    this.hint.hidden = false;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.hint.hidden = true;
    }, 900);
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

  fullscreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else if (this.video.requestFullscreen) this.video.requestFullscreen().catch(() => {});
    else this.video.webkitEnterFullscreen?.();
  }
}

customElements.define("clip-player", ClipPlayer);
