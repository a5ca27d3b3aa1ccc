/** Watches the playback of original quality: whether frames are shown, and data comes in time. */
import { isBlind, isJerky, isLongEnough } from "./frame_counts.js";
import { needsData } from "./stall_recovery.js";

const CHECK_EVERY = 1000; // milliseconds
const MAX_STALLED_SECONDS = 6;
const FORGIVEN = 0.2; // seconds of a stall, by each second of playback
const MAX_JERKY = 2; // in a row

export class OriginalWatch {
  stalledSeconds = 0;
  jerky = 0;
  /** @type {FrameCount | null} */
  start = null; // since when every frame counts
  /** @type {FrameCount | null} */
  before = null; // the last count for jerkiness
  /** @type {number | undefined} */
  timer;

  /** @param {HTMLVideoElement} video
      @param {() => boolean} isOriginal whether original quality is played or loaded now
      @param {(reason: "slow" | "unplayable") => void} onFailure */
  constructor(video, isOriginal, onFailure) {
    this.video = video;
    this.isOriginal = isOriginal;
    this.onFailure = onFailure;
  }

  open() {
    this.close();
    this.timer = setInterval(() => this.check(), CHECK_EVERY);
    this.video.addEventListener("seeking", this.restartCount);
  }

  close() {
    clearInterval(this.timer);
    this.video.removeEventListener("seeking", this.restartCount);
    this.restartCount();
    this.stalledSeconds = 0;
    this.jerky = 0;
  }

  restartCount = () => {
    this.start = null;
    this.before = null;
  };

  check() {
    if (!this.isOriginal()) {
      this.restartCount();
      this.stalledSeconds = 0;
      return;
    }
    this.checkData();
    if (this.isCounted) this.checkFrames();
    else this.restartCount();
  }

  checkData() {
    const isStalled = needsData(this.video) && navigator.onLine;
    this.stalledSeconds = Math.max(0, this.stalledSeconds + (isStalled ? 1 : -FORGIVEN));
    if (this.stalledSeconds < MAX_STALLED_SECONDS) return;
    this.stalledSeconds = 0;
    this.onFailure("slow");
  }

  checkFrames() {
    const now = this.count();
    this.start ??= now;
    this.before ??= now;
    if (now.frames < this.start.frames)
      this.restartCount(); // a new MediaSource
    else if (isBlind(this.start, now)) this.onFailure("unplayable");
    else if (isLongEnough(this.before, now)) {
      this.jerky = isJerky(this.before, now) ? this.jerky + 1 : 0;
      this.before = now;
      if (this.jerky >= MAX_JERKY) this.onFailure("slow");
    }
  }

  /** Whether the browser shows each frame that it can: not in the background, where it need not, and
      not faster than it was recorded. */
  get isCounted() {
    const { paused, playbackRate, seeking } = this.video;
    const { top, bottom } = this.video.getBoundingClientRect();
    const isInView = bottom > 0 && top < innerHeight;
    return !paused && !seeking && playbackRate <= 1 && !document.hidden && isInView;
  }

  /** @returns {FrameCount} */
  count() {
    const { totalVideoFrames, droppedVideoFrames } = this.video.getVideoPlaybackQuality();
    return {
      at: performance.now(),
      time: this.video.currentTime,
      frames: totalVideoFrames,
      dropped: droppedVideoFrames,
    };
  }
}
