/** Where <clip-player> gets its video from: HLS by hls.js or by the browser, or the file. */
import { LastPlayback } from "./last_playback.js";
import { isOriginalQuality } from "./original_quality.js";
import { PlainFile } from "./plain_file.js";
import * as playback from "./playback_state.js";
import { Quality } from "./quality.js";
import { StallRecovery } from "./stall_recovery.js";
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
  hasPlayed = false;

  /** @param {ClipPlayer} player */
  constructor(player) {
    this.player = player;
    this.video = player.video;
    this.data = player.dataset;
    this.state = playback.initialState("processing" in this.data);
    this.last = new LastPlayback(this.video, Number(this.data.start));
    this.stallRecovery = new StallRecovery(this.video, () => this.restart());
    this.quality = new Quality(this);
    this.file = new PlainFile(this);
  }

  async open() {
    this.video.addEventListener("error", () => this.mediaFailed());
    this.video.addEventListener("playing", () => {
      this.hasPlayed = true;
      this.holdOrPlay();
    });
    this.video.addEventListener("waiting", () => this.holdAtEdge());
    this.video.addEventListener("seeked", () => this.playIfEnough());
    this.video.addEventListener("play", () => {
      if (this.hls) Object.assign(this.hls.config, PLAYING);
      this.holdOrPlay();
    });
    // The file may have failed before anything listened.
    if (!this.data.hls) return void this.file.handleError();
    this.Hls = await import(this.data.module ?? "").then(
      (module) => module.default,
      () => null,
    );
    await this.player.sounds.ready;
    if (this.Hls?.isSupported()) this.startHls(Number(this.data.start) || this.video.currentTime);
    else if (this.state.isProcessing) this.growNatively();
  }

  /** @param {Partial<PlaybackState>} changes */
  update(changes) {
    this.state = { ...this.state, ...changes };
  }

  close() {
    clearTimeout(this.timer);
    this.stallRecovery.close();
    this.quality.close();
    this.hls?.destroy();
    this.hls = /** @type {any} */ (null);
  }

  // -- hls.js -------------------------------------------------------------------------------------

  /** @param {number} position seconds @param {boolean} isPlaying whether it plays on */
  startHls(position, isPlaying = this.isPlaying) {
    const { Hls, video } = this;
    this.keepingRate(() => this.close());
    this.last.position = position; // until the new instance has data
    for (const source of video.querySelectorAll("source")) source.remove();
    this.hls = new Hls({
      ...(isPlaying ? PLAYING : IDLE),
      startPosition: position,
      autoStartLoad: false, // until the browser has said what it can play
      workerPath: this.data.worker,
      backBufferLength: 90,
      abrEwmaDefaultEstimate: 5_000_000,
      capLevelToPlayerSize: true,
      useMediaCapabilities: false, // Quality asks
      videoPreference: { videoCodec: "avc1" }, // of the first fragment
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
    this.hls.on(events.MANIFEST_PARSED, () => this.startLoad());
    this.hls.on(events.LEVEL_SWITCHED, () => this.quality.announce());
    this.hls.on(events.LEVEL_UPDATED, (_, { details, level }) => {
      this.state = playback.playlistLoaded(this.state, {
        live: details.live,
        edge: details.edge,
        isOriginal: isOriginalQuality(this.hls.levels[level]),
      });
      this.playIfEnough();
    });
    this.hls.on(events.FRAG_BUFFERED, () => {
      this.player.clearStatus(site.OFFLINE);
      this.quality.bandwidthMeasured();
    });
    this.hls.on(events.ERROR, (_, error) => {
      if (!this.quality.handleError(error) && playback.needsRestart(error)) this.hlsFailed(error);
    });
  }

  /** Fetches the first fragment, once it is known what can be played. */
  async startLoad() {
    const { hls } = this;
    await this.quality.setUp(hls);
    if (hls !== this.hls) return;
    if (this.quality.plan === "nothing") {
      this.waitForH264();
      return;
    }
    hls.startLoad(this.position);
  }

  /** After a log-out the site redirects to the log-in page instead of sending the video.
      @param {string} address that the response came from */
  checkLogin(address) {
    const path = (/** @type {string} */ url) => new URL(url, location.href).pathname;
    if (!this.data.login || path(address) !== path(this.data.login)) return;
    this.stop();
    this.player.showLoggedOut();
  }

  /** @param {HlsError} error that hls.js does not recover from */
  hlsFailed({ type, details }) {
    const { ErrorDetails, ErrorTypes } = this.Hls;
    if (type === ErrorTypes.NETWORK_ERROR) this.retryLoading();
    else if (details === ErrorDetails.MANIFEST_INCOMPATIBLE_CODECS_ERROR) this.waitForH264();
    else if (this.state.hasRecovered || !this.hls.levels.length) this.playFile();
    else {
      this.update({ hasRecovered: true });
      this.restartAfterError();
    }
  }

  /** Goes on with a new instance of hls.js. The old one is in the middle of an event, and resets the
      position if it recovers from the error. */
  restartAfterError() {
    const { hls, isPlaying, position } = this;
    queueMicrotask(() => {
      if (this.hls === hls) this.startHls(position, isPlaying);
    });
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
    const isOriginal = this.quality.isOriginalPlaying;
    if (this.state.isPolling || (this.state.isProcessing && !isOriginal)) return;
    if (isOriginal && this.quality.leaveOriginal("slow")) return;
    this.update({ stalls: this.state.stalls + 1 });
    if (playback.mayRestart(this.state)) this.startHls(this.position);
    else this.playFile();
  }

  /** @param {() => void} action */
  later(action) {
    clearTimeout(this.timer);
    this.timer = setTimeout(action, RETRY_AFTER);
  }

  /** Nothing but original quality exists, and this browser cannot play it. */
  waitForH264() {
    const { isPlaying, position } = this;
    if (this.state.isComplete) return void this.playFile();
    this.keepingRate(() => this.close());
    this.last.position = position;
    this.update({ isWaitingForH264: true, isHeld: isPlaying });
    if (this.hasPlayed || !this.player.showProcessing()) this.player.showStatus(site.STILL);
  }

  /** Plays the file without hls.js, once it is complete. */
  playFile() {
    const { position, isPlaying } = this;
    this.keepingRate(() => this.close());
    this.quality.announce();
    if (!this.state.isComplete) {
      this.waitForFile();
      return;
    }
    this.file.open(position);
    if (isPlaying) this.play();
  }

  // -- A video that is still processed ------------------------------------------------------------

  holdOrPlay() {
    if (this.state.isWaitingForH264) return;
    this.state = playback.playStarted(this.state, this.position);
    if (this.state.isHeld) this.hold();
    else this.player.clearStatus(site.STILL);
  }

  holdAtEdge() {
    const before = this.state;
    this.state = playback.dataRanOut(before, this.position);
    if (this.state !== before && !this.quality.takeOriginal()) this.hold();
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

  /** The video element cannot go on. hls.js does not detect it between two appends. */
  mediaFailed() {
    if (!this.hls) this.file.handleError();
    else if (this.video.error && !this.quality.handleMediaError())
      this.hlsFailed({ type: "mediaError", details: "", fatal: true });
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
      this.video.currentTime = Number(this.data.start);
    };
    if (this.video.readyState) fromStart();
    else this.video.addEventListener("loadedmetadata", fromStart, { once: true });
  }

  // -- What the site says -------------------------------------------------------------------------

  /** Tells the member why it does not play. @param {string} status */
  showStatus(status) {
    if (status === "logged out") this.player.showLoggedOut();
    else if (status !== "COMPLETED") this.player.showStatus(site.messageFor(status, this.isGuest));
  }

  /** <clip-status> has a new status. @param {string | undefined} status "ready", "failed", …
      @param {HTMLTemplateElement | null} tracks the captions of a completed video
      @param {boolean} hasH264 whether H.264 can be played by now */
  statusChanged(status, tracks, hasH264) {
    this.update({ hasH264 });
    if (status === "failed") {
      clearTimeout(this.timer);
      this.update({ isProcessing: false, isWaitingForH264: false });
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
    if (hasH264 && this.state.isWaitingForH264) {
      this.update({ isWaitingForH264: false });
      this.player.clearStatus(site.STILL);
      this.startHls(this.position);
    } else if (status === "ready" && this.isUntouched) this.startHls(this.position);
  }

  /** Whether a new instance of hls.js would be noticed by nobody, and is of use: it offers what was
      made meanwhile. Otherwise the next page does. */
  get isUntouched() {
    return this.quality.plan === "original" && !this.hasPlayed && !this.isPlaying;
  }

  // -- The video element --------------------------------------------------------------------------

  get isGuest() {
    return !this.data.login;
  }

  /** Whether the video plays, or would if it were not held and the browser had not given up. */
  get isPlaying() {
    return !this.video.paused || this.state.isHeld || this.last.isStarted;
  }

  /** Seconds. */
  get position() {
    return this.last.position;
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
