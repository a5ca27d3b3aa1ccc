/** Where <clip-player> gets its video from: HLS by hls.js or by the browser, or the file. */
import * as playback from "./playback_state.js";
import { StallRecovery } from "./stall_recovery.js";
import { recall, remember } from "./storage.js";
import * as site from "./video_status.js";

const LATER = "Your browser can play this once processing finishes.";
const RETRY_AFTER = 3000; // milliseconds
// Before somebody presses play, one fragment is enough.
const IDLE = { maxBufferLength: 4, maxBufferSize: 0 };
const PLAYING = { maxBufferLength: 30, maxBufferSize: 60_000_000 };

export class Source {
  /** @type {HlsPlayer} */
  hls = /** @type {any} */ (null); // null while something else plays the video
  /** @type {any} */
  Hls; // the class, once its module is loaded
  /** @type {number | undefined} */
  timer;

  /** @param {ClipPlayer} player */
  constructor(player) {
    this.player = player;
    this.video = player.video;
    this.data = player.dataset;
    this.state = playback.initialState("processing" in this.data);
    this.start = Number(this.data.start);
    this.stallRecovery = new StallRecovery(this.video, () => this.restart());
    /** The short side that the member chose, in pixels; null: automatic. */
    this.wanted = Number(recall("quality")) || null;
  }

  async open() {
    this.video.addEventListener("error", () => this.nativeError());
    this.video.addEventListener("playing", () => this.holdOrPlay());
    this.video.addEventListener("waiting", () => this.holdAtEdge());
    this.video.addEventListener("seeked", () => this.playIfEnough());
    this.video.addEventListener("play", () => {
      if (this.hls) Object.assign(this.hls.config, PLAYING);
      this.holdOrPlay();
    });
    // The file may have failed before anything listened.
    if (!this.data.hls) return void this.nativeError();
    this.Hls = await import(this.data.module ?? "").then(
      (module) => module.default,
      () => null,
    );
    if (this.Hls?.isSupported()) this.startHls(this.start || this.video.currentTime);
    else if (this.state.isProcessing) this.growNatively();
  }

  /** @param {Partial<PlaybackState>} changes */
  update(changes) {
    this.state = { ...this.state, ...changes };
  }

  close() {
    clearTimeout(this.timer);
    this.stallRecovery.close();
    this.hls?.destroy();
    this.hls = /** @type {any} */ (null);
  }

  // -- hls.js -------------------------------------------------------------------------------------

  /** @param {number} position seconds */
  startHls(position) {
    const { Hls, video, isPlaying } = this;
    this.keepingRate(() => this.close());
    for (const source of video.querySelectorAll("source")) source.remove();
    this.hls = new Hls({
      ...(isPlaying ? PLAYING : IDLE),
      startPosition: position,
      workerPath: this.data.worker,
      backBufferLength: 90,
      abrEwmaDefaultEstimate: 5_000_000,
      capLevelToPlayerSize: true,
      xhrSetup: (/** @type {XMLHttpRequest} */ xhr) =>
        xhr.addEventListener("load", () => this.checkLogin(xhr.responseURL)),
    });
    this.listenToHls(Hls.Events);
    this.stallRecovery.watch(this.hls, Hls.Events);
    this.player.sounds.watch(this.hls, Hls.Events);
    this.hls.loadSource(this.data.hls);
    this.keepingRate(() => this.hls.attachMedia(video));
    if (isPlaying) this.play();
  }

  /** @param {Record<string, string>} events hls.js's `Events` */
  listenToHls(events) {
    this.hls.on(events.MANIFEST_PARSED, () => this.applyQuality());
    this.hls.on(events.LEVEL_SWITCHED, () => this.announceQuality());
    this.hls.on(events.LEVEL_UPDATED, (_, data) => {
      this.state = playback.playlistLoaded(this.state, data.details);
      this.playIfEnough();
    });
    this.hls.on(events.FRAG_BUFFERED, () => this.player.clearStatus(site.OFFLINE));
    this.hls.on(events.ERROR, (_, data) => {
      if (data.fatal) this.hlsFailed(data.type);
    });
  }

  /** After a log-out the site redirects to the log-in page instead of sending the video.
      @param {string} address that the response came from */
  checkLogin(address) {
    const path = (/** @type {string} */ url) => new URL(url, location.href).pathname;
    if (!this.data.login || path(address) !== path(this.data.login)) return;
    this.stop();
    this.player.showLoggedOut();
  }

  /** @param {string} type of hls.js's `ErrorTypes` */
  hlsFailed(type) {
    const { isPlaying } = this;
    if (type === this.Hls.ErrorTypes.NETWORK_ERROR) this.retryLoading();
    else if (this.state.hasRecovered || !this.hls.levels.length) this.playFile();
    else {
      this.update({ hasRecovered: true });
      this.keepingRate(() => this.hls.recoverMediaError());
      if (isPlaying) this.play();
    }
  }

  /** Loads on after a while, if the site says that this is of use. What is buffered still plays. */
  async retryLoading() {
    if (this.state.isPolling) return;
    this.state = playback.loadFailed(this.state, this.position);
    const status = await site.fetchStatus(this.data.status ?? "");
    this.update({ isPolling: false });
    this.showStatus(status);
    if (!playback.allowsRetry(status)) return void this.stop();
    if (status === "COMPLETED" && !playback.hasTriesLeft(this.state)) {
      this.playFile();
      return;
    }
    this.state = playback.retryScheduled(this.state, status !== "unreachable");
    this.later(() => {
      if (playback.mayReuseAddresses(this.state) && this.hls?.levels.length) this.hls.startLoad();
      else this.startHls(this.position);
    });
  }

  /** Loads nothing more; what is buffered still plays. */
  stop() {
    this.stallRecovery.close();
    this.hls?.stopLoad();
  }

  /** Starts hls.js again after it stopped: a video in processing may have nothing to fetch. */
  restart() {
    if (this.state.isProcessing || this.state.isPolling) return;
    this.update({ stalls: this.state.stalls + 1 });
    if (playback.mayRestart(this.state)) this.startHls(this.position);
    else this.playFile();
  }

  /** @param {() => void} action */
  later(action) {
    clearTimeout(this.timer);
    this.timer = setTimeout(action, RETRY_AFTER);
  }

  /** Plays the file without hls.js, once it is complete. */
  playFile() {
    const { position, isPlaying } = this;
    this.keepingRate(() => this.close());
    this.announceQuality();
    if (!this.state.isComplete) {
      this.waitForFile();
      return;
    }
    this.setFile(position);
    if (isPlaying) this.play();
  }

  // -- A video that is still processed ------------------------------------------------------------

  holdOrPlay() {
    this.state = playback.playStarted(this.state, this.position);
    if (this.state.isHeld) this.hold();
    else this.player.clearStatus(site.STILL);
  }

  holdAtEdge() {
    const before = this.state;
    this.state = playback.dataRanOut(before, this.position);
    if (this.state !== before) this.hold();
  }

  hold() {
    this.player.showStatus(site.STILL);
    this.video.pause();
  }

  playIfEnough() {
    const before = this.state;
    this.state = playback.aheadChanged(before, this.position);
    if (this.state === before) return;
    this.player.clearStatus(site.STILL);
    this.play();
  }

  // -- Without hls.js -----------------------------------------------------------------------------

  waitForFile() {
    this.update({ isWaitingForFile: true });
    this.player.showStatus(LATER);
  }

  growNatively() {
    if (!this.video.canPlayType("application/vnd.apple.mpegurl")) {
      this.waitForFile();
      return;
    }
    // Browsers take a playlist that still gets longer for a live one, and start at its end.
    const fromStart = () => {
      this.video.currentTime = this.start;
    };
    if (this.video.readyState) fromStart();
    else this.video.addEventListener("loadedmetadata", fromStart, { once: true });
  }

  async nativeError() {
    if (this.hls || this.state.isPolling || !this.video.error) return;
    const { position, isPlaying } = this;
    const isUnreadable = this.video.error.code !== MediaError.MEDIA_ERR_NETWORK;
    this.update({ isPolling: true });
    const { status: address = "", stream = "" } = this.data;
    const answer = await site.fetchStatus(address);
    const status = answer === "COMPLETED" && (await site.isRefused(stream)) ? "busy" : answer;
    this.update({ isPolling: false });
    if (this.hls) return;
    this.showStatus(status);
    if (!playback.allowsRetry(status)) return;
    const isFileAtFault = !["unreachable", "busy"].includes(status);
    if (isFileAtFault && (isUnreadable || !playback.hasTriesLeft(this.state))) {
      const advice = this.isGuest ? "Try another browser." : "Download it to watch it.";
      this.player.showStatus(`Your browser can't play this video. ${advice}`);
      return;
    }
    this.state = playback.retryScheduled(this.state, isFileAtFault);
    this.later(() => this.reloadFile(position, isPlaying));
  }

  /** @param {number} position seconds @param {boolean} wasPlaying */
  reloadFile(position, wasPlaying) {
    this.setFile(position);
    const clear = () => {
      this.player.clearStatus(site.OFFLINE);
      this.player.clearStatus(site.BUSY);
    };
    this.video.addEventListener("loadeddata", clear, { once: true });
    if (wasPlaying) this.play();
  }

  /** @param {number} position seconds */
  setFile(position) {
    this.keepingRate(() => {
      this.video.src = `${this.data.stream?.split("#")[0]}#t=${position}`;
    });
  }

  // -- What the site says -------------------------------------------------------------------------

  /** Tells the member why it does not play. @param {string} status */
  showStatus(status) {
    if (status === "logged out") this.player.showLoggedOut();
    else if (status !== "COMPLETED") this.player.showStatus(site.messageFor(status, this.isGuest));
  }

  /** <clip-status> has a new status. @param {string | undefined} status "ready", "failed", …
      @param {HTMLTemplateElement | null} tracks the captions of a completed video */
  statusChanged(status, tracks) {
    if (status === "failed") {
      clearTimeout(this.timer);
      this.update({ isProcessing: false });
      this.stop();
      this.playIfEnough();
      this.player.showStatus(site.NO_MORE);
    } else if (status === "ready") {
      this.update({ isComplete: true });
      if (tracks) this.video.append(tracks.content.cloneNode(true));
      if (this.state.isWaitingForFile) {
        this.player.clearStatus(LATER);
        this.playFile();
      }
    }
  }

  // -- Quality ------------------------------------------------------------------------------------

  /** Short sides in pixels, the largest first; empty when there is nothing to choose.
      @returns {number[]} */
  get sides() {
    const sides = (this.hls?.levels ?? []).map(shortSide);
    return [...new Set(sides)].sort((a, b) => b - a);
  }

  /** @param {number | null} side the short side in pixels; null: automatic */
  choose(side) {
    this.wanted = side;
    remember("quality", side === null ? null : String(side));
    this.applyQuality();
  }

  /** Plays the chosen quality, or the next lower one. */
  applyQuality() {
    if (!this.hls) return;
    const { wanted } = this;
    const fitting = this.sides.find((side) => wanted && side <= wanted);
    const index = this.hls.levels.findIndex((it) => shortSide(it) === fitting);
    if (index !== -1 || !this.hls.autoLevelEnabled) this.hls.nextLevel = index;
    this.announceQuality();
  }

  announceQuality() {
    this.player.dispatchEvent(new Event("clip-quality"));
  }

  // -- The video element --------------------------------------------------------------------------

  get isGuest() {
    return !this.data.login;
  }

  /** Whether the video plays, or would if it were not held. */
  get isPlaying() {
    return !this.video.paused || this.state.isHeld;
  }

  /** Seconds. */
  get position() {
    return this.video.readyState ? this.video.currentTime : this.start;
  }

  play() {
    this.video.play().catch(() => {});
  }

  /** A new source would start at the default speed. @param {() => void} change */
  keepingRate(change) {
    this.video.defaultPlaybackRate = this.video.playbackRate;
    change();
  }
}

/** @param {HlsLevel} level */
const shortSide = (level) => Math.min(level.width, level.height);
