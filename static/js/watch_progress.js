/** Tells the site how far one has come, so that it counts the view and other devices go on there. */

const EVERY = 15; // seconds of watching
const STEP = 2; // seconds; what is longer was a jump

export class Watching {
  constructor(video, address) {
    this.video = video;
    this.address = address;
    this.watched = 0; // seconds of the film that were played
    this.told = 0; // of them, when the site last heard
    this.last = null;
    video.addEventListener("timeupdate", () => this.count());
    video.addEventListener("pause", () => this.tell());
    video.addEventListener("ended", () => this.tell());
    document.addEventListener("visibilitychange", this.leave);
  }

  close() {
    this.tell();
    document.removeEventListener("visibilitychange", this.leave);
  }

  leave = () => {
    if (document.hidden) this.tell();
  };

  count() {
    const { currentTime, playbackRate, seeking } = this.video;
    const step = currentTime - (this.last ?? currentTime);
    if (!seeking && step > 0 && step < STEP * playbackRate) this.watched += step;
    this.last = currentTime;
    if (this.watched - this.told >= EVERY) this.tell();
  }

  /** Nothing before anything was played: looking at the page is not watching. */
  tell() {
    const { currentTime, ended } = this.video;
    const isNew = this.watched !== this.told || currentTime !== this.toldAt;
    if (!this.watched || !isNew || !this.address) return;
    this.told = this.watched;
    this.toldAt = currentTime;
    fetch(this.address, {
      method: "POST",
      keepalive: true, // also while the page goes away
      headers: {
        Accept: "application/json",
        ...JSON.parse(document.body.getAttribute("hx-headers")),
      },
      body: new URLSearchParams({
        at: currentTime.toFixed(1),
        watched: this.watched.toFixed(1),
        ended: ended ? "yes" : "",
      }),
    }).then(
      // Logged out, or gone: it is not told again and again.
      (answer) => {
        if ([401, 404].includes(answer.status)) this.address = null;
        // Somebody logged in again elsewhere: the next time it is told with the new token.
        if (answer.status === 403) import("./csrf_token.js").then(({ renewToken }) => renewToken());
      },
      () => {},
    );
  }
}
