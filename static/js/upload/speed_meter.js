/** Measures the speed of an upload. */

const WINDOW = 6; // seconds over which the speed is measured

export class SpeedMeter {
  sent = 0; // bytes
  /** @type {[number, number][]} */
  samples = []; // seconds, bytes sent by then

  /** Notes that more bytes were sent. A negative number starts again: the connection broke.
      @param {number} bytes @param {number} [now] seconds */
  note(bytes, now = performance.now() / 1000) {
    if (bytes < 0) this.reset();
    this.sent += Math.max(0, bytes);
    this.samples.push([now, this.sent]);
    while (this.samples.length > 2 && now - this.samples[0][0] > WINDOW) this.samples.shift();
  }

  /** Bytes per second; 0 as long as it is unknown. */
  get speed() {
    if (this.samples.length < 2) return 0;
    const [start, before] = this.samples[0];
    const [end, after] = this.samples[this.samples.length - 1];
    return end - start > 0.5 ? (after - before) / (end - start) : 0;
  }

  reset() {
    this.sent = 0;
    this.samples = [];
  }
}
