/** Reports watch progress to the site: it counts a view, and lets other devices resume here. */

const REPORT_EVERY = 15; // seconds of watching
const MAX_STEP = 2; // seconds; a larger step between two events is a seek

/** How many seconds were watched between two events of a playing video: 0 after a seek.
    @param {number} step seconds of the video between them @param {number} speed */
export const watchedIn = (step, speed) => (step > 0 && step < MAX_STEP * speed ? step : 0);

export class WatchProgress {
  watched = 0; // seconds of the video that were played
  reported = 0; // of them, at the last report
  /** @type {number | null} */
  last = null; // the position at the last event
  /** @type {number | undefined} */
  reportedAt; // the position at the last report

  /** @param {HTMLVideoElement} video @param {string | undefined} address where to report */
  constructor(video, address) {
    this.video = video;
    this.address = address;
    video.addEventListener("timeupdate", () => this.count());
    video.addEventListener("pause", () => this.report());
    video.addEventListener("ended", () => this.report());
    document.addEventListener("visibilitychange", this.reportWhenHidden);
  }

  close() {
    this.report();
    document.removeEventListener("visibilitychange", this.reportWhenHidden);
  }

  reportWhenHidden = () => {
    if (document.hidden) this.report();
  };

  count() {
    const { currentTime, playbackRate, seeking } = this.video;
    const step = currentTime - (this.last ?? currentTime);
    if (!seeking) this.watched += watchedIn(step, playbackRate);
    this.last = currentTime;
    if (this.watched - this.reported >= REPORT_EVERY) this.report();
  }

  /** Nothing is reported before something was played: to open a page is no view. */
  report() {
    const { currentTime, ended } = this.video;
    const isNew = this.watched !== this.reported || currentTime !== this.reportedAt;
    if (!this.watched || !isNew || !this.address) return;
    this.reported = this.watched;
    this.reportedAt = currentTime;
    const token = JSON.parse(document.body.getAttribute("hx-headers") ?? "{}");
    fetch(this.address, {
      method: "POST",
      keepalive: true, // so that the request outlives the page
      headers: { Accept: "application/json", ...token },
      body: new URLSearchParams({
        at: currentTime.toFixed(1),
        watched: this.watched.toFixed(1),
        ended: ended ? "yes" : "",
      }),
    }).then(
      (response) => {
        // Logged out, or the video was deleted: more reports are of no use.
        if ([401, 404].includes(response.status)) this.address = undefined;
        // The member logged in again in another tab: the next report has the new token.
        if (response.status === 403) import("./csrf_token.js").then((it) => it.renewToken());
      },
      () => {},
    );
  }
}
