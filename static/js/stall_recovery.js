/** Notices when a film stands still for want of what nobody fetches any more: after quick jumps
    hls.js can take for buffered what it has thrown away (seen in 1.7.4), and waits for ever. */

const EVERY = 1000; // milliseconds
const PATIENCE = 5; // looks in a row
const RETRIED_FOR = 10_000; // milliseconds after an error, in which hls.js tries again by itself

export class Starving {
  constructor(video, onStarving) {
    Object.assign(this, { video, onStarving });
  }

  /** Begins anew with this hls.js. */
  follow(hls, { FRAG_LOADING, LEVEL_LOADING, LEVEL_LOADED, ERROR }) {
    this.close();
    this.fragment = this.awaitsPlaylist = null;
    this.erredAt = -Infinity;
    hls.on(FRAG_LOADING, (_, { frag }) => (this.fragment = frag));
    hls.on(LEVEL_LOADING, () => (this.awaitsPlaylist = true));
    hls.on(LEVEL_LOADED, () => (this.awaitsPlaylist = false));
    hls.on(ERROR, () => {
      this.awaitsPlaylist = false;
      this.erredAt = performance.now();
    });
    this.timer = setInterval(() => this.look(), EVERY);
  }

  close() {
    clearInterval(this.timer);
    this.looks = 0;
  }

  look() {
    this.looks = this.isWanting && !this.isFetching ? this.looks + 1 : 0;
    if (this.looks < PATIENCE) return;
    this.looks = 0;
    this.onStarving();
  }

  /** No picture at all, or no next one while it plays. */
  get isWanting() {
    const { readyState, paused, ended } = this.video;
    const { HAVE_CURRENT_DATA, HAVE_FUTURE_DATA } = HTMLMediaElement;
    return !ended && readyState < (paused ? HAVE_CURRENT_DATA : HAVE_FUTURE_DATA);
  }

  get isFetching() {
    const { aborted, loading } = this.fragment?.stats ?? { aborted: true };
    const isUnderWay = !aborted && !loading.end;
    return isUnderWay || this.awaitsPlaylist || performance.now() - this.erredAt < RETRIED_FOR;
  }
}
