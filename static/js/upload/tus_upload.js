/** One file on its way, by tus 1.0.0. Whatever breaks, it goes on from what has arrived. */

const MIB = 1024 ** 2;
// A part takes about so many seconds: far below the 100 s that proxies wait, and their 100 MB.
const PART = { first: 8 * MIB, least: MIB, most: 64 * MIB, seconds: 20 };
const DELAYS = [1, 2, 4, 8, 15, 30]; // seconds before it is tried again; the last for ever
const STALLED = 90; // seconds without a byte, after which a connection counts as lost
const MOST_REFUSALS = 3; // of a token that was new

const PASSING = new Set([0, 408, 409, 423, 425, 429, 460, 500, 502, 503, 504]);
const GONE = "This upload was ended, or it lay too long. Try again to send it from the beginning.";
const BROKEN = "Something broke on our side. Try again in a minute.";

/** tus-js-client, once: an old script, which leaves its name in the window. */
export const loadTus = () => import("../../tus/tus.min.js");

export class Sending {
  /** `words`: the metadata. `url`: of one that was begun before. `on`: `state(name, sentence)`
   * and `progress(bytes)`. */
  constructor({ file, session, words, url = "", on }) {
    Object.assign(this, { file, session, words, url, on });
    this.tries = this.refusals = this.farthest = 0;
    this.stopped = true;
    addEventListener("online", () => this.timer && this.attempt());
    // Else a connection without a network is waited for until it has stalled.
    addEventListener("offline", () => this.watchdog && this.lose());
  }

  /** Goes on until it is sent. Gives "sent"; "held" once the site knows of it, when only that is
   * wanted; "stopped"; or "failed", with `sentence` saying why. */
  run({ hold = false } = {}) {
    this.hold = hold;
    this.stopped = false;
    return new Promise((resolve) => {
      this.resolve = resolve;
      this.attempt();
    });
  }

  /** An answer to a creation is waited for even then: what it made must be known. */
  stop() {
    this.stopped = true;
    this.rest();
    if (!this.creating) this.upload?.abort();
    this.settle("stopped");
  }

  /** Stops and throws away what has arrived; resolves when the site has nothing of it any more. */
  async cancel() {
    const made = this.creating && new Promise((resolve) => (this.onMade = resolve));
    this.stop();
    await made;
    if (this.url) await this.session.end(this.url).catch(() => false);
  }

  // -- Attempts ---------------------------------------------------------------------------------
  async attempt() {
    this.rest();
    try {
      this.upload ??= await this.open();
      if (this.isUnsure) await this.find();
    } catch {
      if (!this.stopped) this.later(0);
      return;
    }
    if (this.stopped || this.creating) return;
    if (this.isGone) this.beginAnew();
    this.creating = Boolean(this.upload.options.endpoint);
    // After something went wrong the row says so until bytes go again.
    if (!this.tries && !this.refusals) this.on.state(this.hold ? "waiting" : "sending");
    this.watch();
    this.upload.start();
  }

  async open() {
    await loadTus();
    return new window.tus.Upload(this.file, {
      endpoint: this.url ? null : this.session.uploads,
      uploadUrl: this.url || null,
      metadata: this.words,
      chunkSize: PART.first,
      retryDelays: null, // ours say what they do
      storeFingerprintForResuming: false, // the site knows what is unfinished, on any device
      onBeforeRequest: (request) => request.setHeader("X-CSRFToken", this.session.token),
      onAfterResponse: (_, answer) => this.session.heard(answer.getHeader("Clipset-Quota-Left")),
      onUploadUrlAvailable: () => this.known(),
      onProgress: (sent) => this.progress(sent),
      onChunkComplete: (size) => this.fit(size),
      onSuccess: ({ lastResponse }) => this.finish(lastResponse),
      onError: (error) => this.fail(error),
    });
  }

  beginAnew() {
    this.isGone = false;
    this.url = "";
    this.farthest = 0;
    this.upload.url = null;
    Object.assign(this.upload.options, { endpoint: this.session.uploads, uploadUrl: null });
    this.on.progress(0);
  }

  /** The answer to a creation was lost: whether the site has made one all the same. */
  async find() {
    const { name, size } = this.file;
    const made = (await this.session.unfinished()).find(
      (it) => it.filename === name && it.size === size && !it.offset && !this.on.isKnown(it.url),
    );
    this.isUnsure = false;
    if (!made) return;
    this.upload.url = made.url;
    this.upload.options.endpoint = null;
  }

  known() {
    this.creating = this.isUnsure = false;
    this.url = new URL(this.upload.url, location).pathname;
    // tus-js-client would begin anew at whatever goes wrong when it looks how far it is.
    this.upload.options.endpoint = null;
    this.began = performance.now();
    if (!this.hold && !this.stopped) return;
    this.upload.abort();
    this.rest();
    this.onMade?.();
    this.settle("held");
  }

  progress(sent) {
    if (this.stopped || this.hold) return;
    if (sent > this.farthest) {
      this.farthest = sent;
      this.tries = this.refusals = 0;
    }
    this.on.progress(sent);
    this.watch();
  }

  /** A part of the next size, by the speed of the last one. */
  fit(size) {
    const now = performance.now();
    const wanted = (size / Math.max(1, now - this.began)) * 1000 * PART.seconds;
    this.upload.options.chunkSize = Math.min(PART.most, Math.max(PART.least, Math.round(wanted)));
    this.began = now;
  }

  finish(answer) {
    this.rest();
    const duplicate = answer.getHeader("Clipset-Duplicate-Of");
    this.video = answer.getHeader("Clipset-Video") ?? "";
    this.duplicate = duplicate && {
      url: duplicate,
      title: decoded(answer.getHeader("Clipset-Duplicate-Title") ?? ""),
    };
    this.settle("sent");
  }

  // -- What goes wrong --------------------------------------------------------------------------
  fail(error) {
    const status = error.originalResponse?.getStatus() ?? 0;
    this.rest();
    if (this.creating && (!status || status >= 500)) this.isUnsure = true;
    this.creating = false;
    this.onMade?.();
    if (this.stopped) return;
    if (status === 401 || status === 403) this.logIn(status);
    else if (PASSING.has(status)) this.later(status);
    else {
      this.isGone = Boolean(this.url) && (status === 404 || status === 410);
      this.sentence = this.isGone ? GONE : sentenceOf(error.originalResponse);
      this.settle("failed");
    }
  }

  async logIn(status) {
    this.refusals += 1;
    if (status === 403 && this.refusals > MOST_REFUSALS) {
      this.sentence =
        "The site does not take this page any more. Reload it and choose the file " +
        "again: what has arrived is kept.";
      this.settle("failed");
      return;
    }
    await this.session.again((why) => !this.stopped && this.on.state("login", why));
    if (!this.stopped) this.attempt();
  }

  later(status) {
    this.rest();
    const seconds = DELAYS[Math.min(this.tries, DELAYS.length - 1)];
    this.tries += 1;
    // A smaller part loses less where a proxy passes on only whole ones.
    if (this.upload) {
      const { options } = this.upload;
      options.chunkSize = Math.max(PART.least, options.chunkSize / 2);
    }
    if (!navigator.onLine) this.on.state("offline");
    else this.on.state("retrying", `${reasonFor(status)} Trying again in ${inSeconds(seconds)}.`);
    this.timer = setTimeout(() => this.attempt(), seconds * 1000);
  }

  /** A network that was changed under a connection does not always say so. */
  watch() {
    clearTimeout(this.watchdog);
    this.watchdog = setTimeout(() => this.lose(), STALLED * 1000);
  }

  /** Counts the connection as lost. */
  lose() {
    this.upload.abort();
    this.isUnsure ||= this.creating;
    this.creating = false;
    this.later(0);
  }

  rest() {
    clearTimeout(this.timer);
    clearTimeout(this.watchdog);
    this.timer = this.watchdog = null;
  }

  settle(outcome) {
    this.resolve?.(outcome);
    this.resolve = null;
  }
}

function inSeconds(seconds) {
  return seconds === 1 ? "a second" : `${seconds} seconds`;
}

function reasonFor(status) {
  if (status === 423) return "Another window or device is sending this file.";
  if (status === 429 || status === 503) return "The site is busy.";
  return "The site can’t be reached.";
}

/** The site's own sentence; a proxy's page is none. */
function sentenceOf(answer) {
  const isOurs = answer?.getHeader("Content-Type")?.startsWith("text/plain");
  return (isOurs && answer.getBody().trim().slice(0, 300)) || BROKEN;
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
