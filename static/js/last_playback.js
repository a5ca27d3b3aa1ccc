/** What a video element did last, by its events. Where browsers give up a source, they reset it without
    an event: Chromium pauses the video, and WebKitGTK also goes back to the start. */
export class LastPlayback {
  isStarted = false; // by the last of the events play and pause

  /** @param {HTMLVideoElement} video @param {number} start seconds */
  constructor(video, start) {
    this.video = video;
    this.known = start; // until there is data
    video.addEventListener("play", () => {
      this.isStarted = true;
    });
    video.addEventListener("pause", () => {
      this.isStarted = false;
    });
    // What hls.js does after an error resets the speed to the default one.
    video.addEventListener("ratechange", () => {
      const { defaultPlaybackRate, playbackRate } = video;
      if (defaultPlaybackRate !== playbackRate) video.defaultPlaybackRate = playbackRate;
    });
    const keepPosition = () => {
      if (video.readyState) this.known = video.currentTime;
    };
    video.addEventListener("seeking", keepPosition);
    video.addEventListener("timeupdate", keepPosition);
  }

  /** Seconds; of a source without data yet, where it is to start. */
  get position() {
    const { currentTime, readyState } = this.video;
    return readyState >= HTMLMediaElement.HAVE_CURRENT_DATA ? currentTime : this.known;
  }

  set position(seconds) {
    this.known = seconds;
  }
}
