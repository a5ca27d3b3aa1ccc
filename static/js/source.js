/** Where <clip-player> gets its film: HLS through hls.js or through the browser, or the file. */
import { Starving } from "./stall_recovery.js";
import { recall, remember } from "./storage.js";

const STILL = "Still being made. It goes on by itself.";
const OFFLINE = "No connection. It goes on as soon as there is one.";
const BUSY = "Too many videos are being watched just now. It goes on by itself.";
const NO_MORE = "No more of it will be made.";
const GONE = "This video is not there any more.";
const CLOSED = "This link is closed. Ask for another one.";
const LATER = "This browser can play it once it is finished.";
const AGAIN = 3000; // milliseconds
const TRIES = 3;
const EDGE = 1; // seconds
// How much of a film that is still being made must lie ahead before playing goes on after it ran
// out, in seconds: two fragments, since one is made while the other is watched; then twice that.
const AHEAD = 8;
const MOST_AHEAD = 32;
// Before anybody plays it, its first fragment is enough.
const IDLE = { maxBufferLength: 4, maxBufferSize: 0 };
const PLAYING = { maxBufferLength: 30, maxBufferSize: 60_000_000 };

export class Source {
  constructor(player) {
    this.player = player;
    this.video = player.video;
    this.given = player.dataset;
    this.hls = null;
    this.edge = null; // seconds; the end of what is made so far
    this.isGrowing = "growing" in this.given;
    this.isWhole = !this.isGrowing;
    this.ahead = 0;
    this.isHolding = false;
    this.start = Number(this.given.start);
    this.tries = 0;
    this.failedAt = 0;
    this.hasRecovered = false;
    this.isAsking = false;
    this.waitsForFile = false;
    this.rescues = 0;
    this.starving = new Starving(this.video, () => this.rescue());
    this.wanted = Number(recall("quality")) || null; // its short side; null: as the line allows
  }

  async open() {
    this.video.addEventListener("error", () => this.plainError());
    this.video.addEventListener("playing", () => this.plays());
    this.video.addEventListener("waiting", () => this.waits());
    this.video.addEventListener("seeked", () => this.lookAtEdge());
    this.video.addEventListener("play", () => {
      if (this.hls) Object.assign(this.hls.config, PLAYING);
      this.plays();
    });
    // It may have failed before anybody listened.
    if (!this.given.hls) this.plainError();
    if (!this.given.hls) return;
    this.Hls = await import(this.given.module).then(
      (module) => module.default,
      () => null,
    );
    if (this.Hls?.isSupported()) this.begin(this.start || this.video.currentTime);
    else if (this.isGrowing) this.growNatively();
  }

  close() {
    clearTimeout(this.timer);
    this.starving.close();
    this.hls?.destroy();
    this.hls = null;
  }

  // -- hls.js --

  begin(position) {
    const { Hls, video } = this;
    const wasPlaying = !video.paused || this.isHolding;
    this.keepingRate(() => this.close());
    for (const source of video.querySelectorAll("source")) source.remove();
    const { Events } = Hls;
    this.hls = new Hls({
      ...(wasPlaying ? PLAYING : IDLE),
      startPosition: position,
      workerPath: this.given.worker,
      backBufferLength: 90,
      abrEwmaDefaultEstimate: 5_000_000,
      capLevelToPlayerSize: true,
      xhrSetup: (xhr) => xhr.addEventListener("load", () => this.lookForLogIn(xhr.responseURL)),
    });
    this.hls.on(Events.MANIFEST_PARSED, () => this.offer());
    this.hls.on(Events.LEVEL_SWITCHED, () => this.tellQuality());
    this.hls.on(Events.LEVEL_UPDATED, (_, { details }) => this.grow(details));
    this.hls.on(Events.FRAG_BUFFERED, () => this.player.untell(OFFLINE));
    this.hls.on(Events.ERROR, (_, data) => {
      if (data.fatal) this.failed(data);
    });
    this.starving.follow(this.hls, Events);
    this.hls.loadSource(this.given.hls);
    this.keepingRate(() => this.hls.attachMedia(video));
    if (wasPlaying) video.play().catch(() => {});
  }

  /** When the log-in ran out the site leads to the page for it, which is no film. */
  lookForLogIn(address) {
    const path = (url) => new URL(url, location.href).pathname;
    if (!this.given.login || path(address) !== path(this.given.login)) return;
    this.stop();
    this.player.loggedOut();
  }

  grow(details) {
    this.isGrowing = details.live;
    this.isWhole ||= !details.live;
    this.edge = details.live ? details.edge : null;
    this.lookAtEdge();
  }

  get isGuest() {
    return !this.given.login;
  }

  /** Seconds of it that are made and lie ahead; Infinity once it is whole. */
  get made() {
    return this.isGrowing && this.edge !== null ? this.edge - this.position : Infinity;
  }

  /** Once it caught up with what is made it waits for more than the next fragment: one long pause
   * is better than one after each fragment. */
  plays() {
    if (this.made < this.ahead) {
      this.hold();
      return;
    }
    this.isHolding = false;
    this.player.untell(STILL);
  }

  waits() {
    if (this.made >= EDGE || this.isHolding) return;
    this.ahead = Math.min(Math.max(2 * this.ahead, AHEAD), MOST_AHEAD);
    this.hold();
  }

  hold() {
    this.isHolding = true;
    this.player.tell(STILL);
    this.video.pause();
  }

  lookAtEdge() {
    if (!this.isHolding || this.made < this.ahead) return;
    this.isHolding = false;
    this.player.untell(STILL);
    this.video.play().catch(() => {});
  }

  failed({ type }) {
    const { ErrorTypes } = this.Hls;
    if (type === ErrorTypes.NETWORK_ERROR) this.lost();
    else if (this.hasRecovered || !this.hls.levels.length) this.fallBack();
    else {
      const wasPlaying = !this.video.paused || this.isHolding;
      this.hasRecovered = true;
      this.keepingRate(() => this.hls.recoverMediaError());
      if (wasPlaying) this.video.play().catch(() => {});
    }
  }

  /** The site was asked again and again in vain; what is buffered still plays. */
  async lost() {
    if (this.isAsking) return;
    if (this.position > this.failedAt + 5) this.tries = 0;
    this.failedAt = this.position;
    this.isAsking = true;
    const state = await this.ask();
    this.isAsking = false;
    if (!this.mayGoOn(state)) {
      this.stop();
      return;
    }
    if (state === "COMPLETED" && this.tries >= TRIES) {
      this.fallBack();
      return;
    }
    this.tries += state === "unreachable" ? 0 : 1;
    this.later(() => {
      // The addresses of another attempt are other ones: only the first time with what is known.
      if (this.tries < 2 && this.hls?.levels.length) this.hls.startLoad();
      else this.begin(this.position);
    });
  }

  /** What is buffered still plays; nothing more comes. */
  stop() {
    this.starving.close();
    this.hls?.stopLoad();
  }

  /** hls.js waits and fetches nothing. While the film is made there may be nothing to fetch. */
  rescue() {
    if (this.isGrowing || this.isAsking) return;
    this.rescues += 1;
    if (this.rescues <= TRIES) this.begin(this.position);
    else this.fallBack();
  }

  later(action) {
    clearTimeout(this.timer);
    this.timer = setTimeout(action, AGAIN);
  }

  /** hls.js can't do it: the file, which a browser plays by itself, once it is whole. */
  fallBack() {
    const { position, video } = this;
    const wasPlaying = !video.paused || this.isHolding;
    this.keepingRate(() => this.close());
    this.tellQuality();
    if (!this.isWhole) {
      this.waitForFile();
      return;
    }
    this.keepingRate(() => {
      video.src = `${this.given.stream.split("#")[0]}#t=${position}`;
    });
    if (wasPlaying) video.play().catch(() => {});
  }

  // -- without hls.js --

  waitForFile() {
    this.waitsForFile = true;
    this.player.tell(LATER);
  }

  growNatively() {
    if (!this.video.canPlayType("application/vnd.apple.mpegurl")) {
      this.waitForFile();
      return;
    }
    // Browsers take a playlist that grows for a live one, and begin at its end.
    const fromStart = () => {
      this.video.currentTime = this.start;
    };
    if (this.video.readyState) fromStart();
    else this.video.addEventListener("loadedmetadata", fromStart, { once: true });
  }

  async plainError() {
    if (this.hls || this.isAsking || !this.video.error) return;
    const { position } = this;
    const wasPlaying = !this.video.paused || this.isHolding;
    const isUnreadable = this.video.error.code !== MediaError.MEDIA_ERR_NETWORK;
    this.isAsking = true;
    const state = await this.ask();
    const isBusy = state === "COMPLETED" && (await this.isRefused());
    this.isAsking = false;
    if (this.hls || !this.mayGoOn(isBusy ? "busy" : state)) return;
    if (state !== "unreachable" && !isBusy && (isUnreadable || this.tries >= TRIES)) {
      const more = this.isGuest ? "Try another one." : "Download it to watch it.";
      this.player.tell(`This browser can't play it. ${more}`);
      return;
    }
    this.tries += state === "unreachable" || isBusy ? 0 : 1;
    this.later(() => {
      this.keepingRate(() => {
        this.video.src = `${this.given.stream.split("#")[0]}#t=${position}`;
      });
      this.video.addEventListener("loadeddata", () => this.playsAgain(), { once: true });
      if (wasPlaying) this.video.play().catch(() => {});
    });
  }

  playsAgain() {
    this.player.untell(OFFLINE);
    this.player.untell(BUSY);
  }

  /** Browsers don't tell a file that they can't play from one that the site does not send now. */
  async isRefused() {
    const given = new AbortController();
    try {
      const answer = await fetch(this.given.stream, { signal: given.signal });
      return [429, 503].includes(answer.status);
    } catch {
      return false;
    } finally {
      given.abort(); // nothing of it is wanted
    }
  }

  // -- what the site says --

  /** Its state, or "unreachable", "logged out", "gone". */
  async ask() {
    try {
      const answer = await fetch(this.given.status, { headers: { Accept: "application/json" } });
      if (answer.status === 401) return "logged out";
      if (answer.status === 404) return "gone";
      return (await answer.json()).status;
    } catch {
      return "unreachable";
    }
  }

  /** Whether it is worth another try; says why not, or what is waited for. */
  mayGoOn(state) {
    if (state === "logged out") this.player.loggedOut();
    else if (state === "gone") this.player.tell(this.isGuest ? CLOSED : GONE);
    else if (state === "busy") this.player.tell(BUSY);
    else if (state === "FAILED") this.player.tell(NO_MORE);
    else if (state === "unreachable") this.player.tell(OFFLINE);
    else if (state !== "COMPLETED") this.player.tell(STILL);
    return !["logged out", "gone", "FAILED"].includes(state);
  }

  /** What the status below the player says; with its captions when it is whole. */
  told(state, tracks) {
    if (state === "failed") {
      clearTimeout(this.timer);
      this.isGrowing = false;
      this.stop();
      this.lookAtEdge();
      this.player.tell(NO_MORE);
    } else if (state === "ready") {
      this.isWhole = true;
      if (tracks) this.video.append(tracks.content.cloneNode(true));
      if (this.waitsForFile) {
        this.player.untell(LATER);
        this.fallBack();
      }
    }
  }

  // -- which size --

  /** Short sides, the largest first; empty when there is nothing to choose. */
  get sides() {
    const sides = (this.hls?.levels ?? []).map(shortSide);
    return [...new Set(sides)].sort((a, b) => b - a);
  }

  /** The short side that is shown now, or null. */
  get side() {
    const level = this.hls?.levels[this.hls.currentLevel];
    return level ? shortSide(level) : null;
  }

  choose(side) {
    this.wanted = side;
    remember("quality", side === null ? null : String(side));
    this.offer();
  }

  /** What was chosen, or the next smaller size. */
  offer() {
    if (!this.hls) return;
    const fitting = this.sides.find((side) => this.wanted && side <= this.wanted);
    const index = this.hls.levels.findIndex((level) => shortSide(level) === fitting);
    if (index !== -1 || !this.hls.autoLevelEnabled) this.hls.nextLevel = index;
    this.tellQuality();
  }

  tellQuality() {
    this.player.dispatchEvent(new Event("clip-quality"));
  }

  // -- small things --

  /** Seconds. */
  get position() {
    return this.video.readyState ? this.video.currentTime : this.start;
  }

  /** A new source begins at the default speed. */
  keepingRate(change) {
    this.video.defaultPlaybackRate = this.video.playbackRate;
    change();
  }
}

const shortSide = (level) => Math.min(level.width, level.height);
