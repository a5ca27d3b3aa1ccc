/** Detects a video that waits for data which hls.js does not fetch. After quick seeks hls.js can take
    for buffered what it has discarded (seen in 1.7.4), and then waits for ever. */

const CHECK_EVERY = 1000; // milliseconds
const MAX_STALLED_CHECKS = 5; // in a row
const RETRY_WINDOW = 10_000; // milliseconds after an error in which hls.js retries by itself

/** Whether there is no frame to show, or, while it plays, no next one.
    @param {HTMLVideoElement} video */
export function needsData({ readyState, paused, ended }) {
  const { HAVE_CURRENT_DATA, HAVE_FUTURE_DATA } = HTMLMediaElement;
  return !ended && readyState < (paused ? HAVE_CURRENT_DATA : HAVE_FUTURE_DATA);
}

export class StallRecovery {
  isWaitingForPlaylist = false;
  erredAt = -Infinity;
  stalledChecks = 0;
  /** @type {any} */
  fragment = null; // hls.js's Fragment that was requested last
  /** @type {number | undefined} */
  timer;

  /** @param {HTMLVideoElement} video @param {() => void} onStall */
  constructor(video, onStall) {
    this.video = video;
    this.onStall = onStall;
  }

  /** Starts to watch an instance of hls.js, instead of the one before.
      @param {HlsPlayer} hls @param {Record<string, string>} events its `Events` */
  watch(hls, { FRAG_LOADING, LEVEL_LOADING, LEVEL_LOADED, ERROR }) {
    this.close();
    this.fragment = null;
    this.isWaitingForPlaylist = false;
    this.erredAt = -Infinity;
    hls.on(FRAG_LOADING, (_, { frag }) => {
      this.fragment = frag;
    });
    hls.on(LEVEL_LOADING, () => {
      this.isWaitingForPlaylist = true;
    });
    hls.on(LEVEL_LOADED, () => {
      this.isWaitingForPlaylist = false;
    });
    hls.on(ERROR, () => {
      this.isWaitingForPlaylist = false;
      this.erredAt = performance.now();
    });
    this.timer = setInterval(() => this.check(), CHECK_EVERY);
  }

  close() {
    clearInterval(this.timer);
    this.stalledChecks = 0;
  }

  check() {
    const isStalled = needsData(this.video) && !this.isFetching;
    this.stalledChecks = isStalled ? this.stalledChecks + 1 : 0;
    if (this.stalledChecks < MAX_STALLED_CHECKS) return;
    this.stalledChecks = 0;
    this.onStall();
  }

  get isFetching() {
    const { aborted, loading } = this.fragment?.stats ?? { aborted: true };
    const isLoading = !aborted && !loading.end;
    return (
      isLoading || this.isWaitingForPlaylist || performance.now() - this.erredAt < RETRY_WINDOW
    );
  }
}
