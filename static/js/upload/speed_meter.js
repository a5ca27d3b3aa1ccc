/** How quickly bytes go, and keeping the screen on while they do. */

const WINDOW = 6; // seconds over which the speed is measured

export class Meter {
  constructor() {
    this.rest();
  }

  /** So many bytes more have gone. Fewer than before: the connection broke, it begins anew. */
  note(bytes) {
    if (bytes < 0) this.rest();
    const now = performance.now() / 1000;
    this.sent += Math.max(0, bytes);
    this.samples.push([now, this.sent]);
    while (this.samples.length > 2 && now - this.samples[0][0] > WINDOW) this.samples.shift();
  }

  /** Bytes a second; 0 as long as nothing can be said. */
  get speed() {
    const [first, last] = [this.samples[0], this.samples.at(-1)];
    const seconds = first ? last[0] - first[0] : 0;
    return seconds > 0.5 ? (last[1] - first[1]) / seconds : 0;
  }

  rest() {
    this.sent = 0;
    this.samples = [];
  }
}

/** Keeps a phone's screen on, where there is a way; gives what lets it go again. */
export function stayAwake() {
  let lock = null;
  const hold = async () => {
    if (document.hidden) return;
    lock = await navigator.wakeLock?.request("screen").catch(() => null);
  };
  document.addEventListener("visibilitychange", hold); // a hidden page loses it
  hold();
  return () => {
    document.removeEventListener("visibilitychange", hold);
    lock?.release();
  };
}
