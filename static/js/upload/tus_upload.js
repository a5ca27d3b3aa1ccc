/** The upload of one file by tus 1.0.0. After any failure it continues from what has arrived. */

const MIB = 1024 ** 2;
// A part should take about this many seconds: well below the 100 s that proxies wait, and below their
// limit of 100 MB.
const PART = { first: 8 * MIB, min: MIB, max: 64 * MIB, seconds: 20 };
const RETRY_DELAYS = [1, 2, 4, 8, 15, 30]; // seconds; the last one for all later attempts
const STALL_SECONDS = 90; // without a byte, after which a connection counts as lost
const MAX_REFUSALS = 3; // of a token that was new

const TEMPORARY = [0, 408, 409, 423, 425, 429, 460, 500, 502, 503, 504];
const GONE = "This upload expired or was cancelled. Try again to start over.";
const BROKEN = "Something went wrong. Try again in a minute.";
const RELOAD =
  "This page is out of date. Reload it and choose the file again. Your progress is saved.";

/** Loads tus-js-client, a classic script that sets `window.tus`. */
// @ts-expect-error STATICFILES_DIRS has the file, not the source tree
export const loadTus = () => import("../../tus/tus.min.js");

/** Seconds before another attempt. @param {number} tries failed attempts in a row */
export const retryDelay = (tries) => RETRY_DELAYS[Math.min(tries, RETRY_DELAYS.length - 1)];

/** Whether an HTTP status is worth another attempt; 0: there was no response.
    @param {number} status */
export const isTemporary = (status) => TEMPORARY.includes(status);

/** The size of the next part, by the speed of the last one.
    @param {number} bytes of the last part @param {number} milliseconds that it took */
export function nextPartSize(bytes, milliseconds) {
  const wanted = (bytes / Math.max(1, milliseconds)) * 1000 * PART.seconds;
  return Math.min(PART.max, Math.max(PART.min, Math.round(wanted)));
}

export class TusUpload {
  video = ""; // the address of the new video
  /** @type {{ url: string, title: string } | null} */
  duplicate = null; // a video of the same file
  /** @type {any} */
  upload = null; // tus-js-client's
  tries = 0; // failed attempts since the last byte
  refusals = 0; // of tokens since the last byte
  farthest = 0; // bytes
  partStart = 0; // as of performance.now()
  isStopped = true;
  isCreateOnly = false;
  isCreating = false; // a creation was requested and not answered
  isUnsure = false; // the answer to a creation was lost
  isGone = false; // the site has lost the upload
  /** @type {number | null} */
  retryTimer = null;
  /** @type {number | null} */
  stallTimer = null;
  /** @type {((outcome: UploadOutcome) => void) | null} */
  resolve = null;
  /** @type {(() => void) | null} */
  onCreated = null;

  /** @param {File} file
      @param {UploadSession} session
      @param {UploadMetadata} metadata
      @param {string} url of an upload that was begun before, or ""
      @param {UploadListener} listener */
  constructor(file, session, metadata, url, listener) {
    this.file = file;
    this.session = session;
    this.metadata = metadata;
    this.url = url;
    this.listener = listener;
    addEventListener("online", () => this.retryTimer && this.attempt());
    // Without this a lost network would be noticed only as a stall.
    addEventListener("offline", () => this.stallTimer && this.connectionLost());
  }

  /** Uploads until the file is complete, or, with `createOnly`, until the site knows of it. The
      outcome is empty when it was stopped.
      @param {{ createOnly: boolean }} options @returns {Promise<UploadOutcome>} */
  run({ createOnly }) {
    this.isCreateOnly = createOnly;
    this.isStopped = false;
    return new Promise((resolve) => {
      this.resolve = resolve;
      this.attempt();
    });
  }

  /** Stops. The answer to a creation is still awaited: the site may have created the upload. */
  stop() {
    this.isStopped = true;
    this.clearTimers();
    if (!this.isCreating) this.upload?.abort();
    this.settle({});
  }

  /** Stops and deletes what has arrived. Resolves when the site has nothing of it any more. */
  async cancel() {
    const created =
      this.isCreating &&
      new Promise((resolve) => {
        this.onCreated = () => resolve(undefined);
      });
    this.stop();
    await created;
    if (this.url) await this.session.end(this.url).catch(() => false);
  }

  // -- Attempts -----------------------------------------------------------------------------------

  async attempt() {
    this.clearTimers();
    try {
      this.upload ??= await this.open();
      if (this.isUnsure) await this.findCreated();
    } catch {
      if (!this.isStopped) this.retryLater(0);
      return;
    }
    if (this.isStopped || this.isCreating) return;
    if (this.isGone) this.startOver();
    this.isCreating = Boolean(this.upload.options.endpoint);
    // After a failure the row shows it until bytes are sent again.
    const isFirst = !this.tries && !this.refusals;
    if (isFirst) this.listener.state(this.isCreateOnly ? "waiting" : "sending");
    this.watchForStall();
    this.upload.start();
  }

  async open() {
    await loadTus();
    return new window.tus.Upload(this.file, {
      endpoint: this.url ? null : this.session.uploads,
      uploadUrl: this.url || null,
      metadata: this.metadata,
      chunkSize: PART.first,
      retryDelays: null, // attempt() retries, and shows it
      storeFingerprintForResuming: false, // the site lists unfinished uploads, for all devices
      onBeforeRequest: (/** @type {any} */ request) =>
        request.setHeader("X-CSRFToken", this.session.token),
      onAfterResponse: (/** @type {any} */ _, /** @type {any} */ response) =>
        this.session.leftHeard(
          response.getHeader("Clipset-Quota-Left"),
          response.getHeader("Clipset-Storage-Left"),
        ),
      onUploadUrlAvailable: () => this.created(),
      onProgress: (/** @type {number} */ sent) => this.progress(sent),
      onChunkComplete: (/** @type {number} */ bytes) => this.partSent(bytes),
      onSuccess: (/** @type {any} */ { lastResponse }) => this.finish(lastResponse),
      onError: (/** @type {any} */ error) => this.fail(error.originalResponse),
    });
  }

  startOver() {
    this.isGone = false;
    this.url = "";
    this.farthest = 0;
    this.upload.url = null;
    Object.assign(this.upload.options, { endpoint: this.session.uploads, uploadUrl: null });
    this.listener.progress(0);
  }

  /** Looks for the upload that the site created although its answer was lost. */
  async findCreated() {
    const { name, size } = this.file;
    const uploads = await this.session.unfinished();
    const created = uploads.find(
      (it) =>
        it.filename === name && it.size === size && !it.offset && !this.listener.isKnown(it.url),
    );
    this.isUnsure = false;
    if (!created) return;
    this.upload.url = created.url;
    this.upload.options.endpoint = null;
  }

  created() {
    this.isCreating = this.isUnsure = false;
    this.url = new URL(this.upload.url, location.href).pathname;
    // With an endpoint tus-js-client would create a new upload after any failed HEAD request.
    this.upload.options.endpoint = null;
    this.partStart = performance.now();
    if (!this.isCreateOnly && !this.isStopped) return;
    this.upload.abort();
    this.clearTimers();
    this.onCreated?.();
    this.settle({ isCreated: true });
  }

  /** @param {number} sent bytes */
  progress(sent) {
    if (this.isStopped || this.isCreateOnly) return;
    if (sent > this.farthest) {
      this.farthest = sent;
      this.tries = this.refusals = 0;
    }
    this.listener.progress(sent);
    this.watchForStall();
  }

  /** @param {number} bytes */
  partSent(bytes) {
    const now = performance.now();
    this.upload.options.chunkSize = nextPartSize(bytes, now - this.partStart);
    this.partStart = now;
  }

  /** @param {any} response */
  finish(response) {
    this.clearTimers();
    const url = response.getHeader("Clipset-Duplicate-Of");
    const title = response.getHeader("Clipset-Duplicate-Title") ?? "";
    this.video = response.getHeader("Clipset-Video") ?? "";
    this.duplicate = url ? { url, title: decoded(title) } : null;
    this.settle({ isSent: true });
  }

  // -- Failures -----------------------------------------------------------------------------------

  /** @param {any} response undefined if there was none */
  fail(response) {
    const status = response?.getStatus() ?? 0;
    this.clearTimers();
    if (this.isCreating && (!status || status >= 500)) this.isUnsure = true;
    this.isCreating = false;
    this.onCreated?.();
    if (this.isStopped) return;
    if (status === 401 || status === 403) this.waitForLogin(status);
    else if (isTemporary(status)) this.retryLater(status, response);
    else {
      this.isGone = Boolean(this.url) && (status === 404 || status === 410);
      this.settle({ problem: this.isGone ? GONE : messageOf(response) });
    }
  }

  /** @param {number} status */
  async waitForLogin(status) {
    this.refusals += 1;
    if (status === 403 && this.refusals > MAX_REFUSALS) {
      this.settle({ problem: RELOAD });
      return;
    }
    await this.session.loggedIn((why) => !this.isStopped && this.listener.state("login", why));
    if (!this.isStopped) this.attempt();
  }

  /**
   * @param {number} status 0 if there was no answer
   * @param {any} [response]
   */
  retryLater(status, response) {
    this.clearTimers();
    const seconds = retryDelay(this.tries);
    this.tries += 1;
    // A smaller part loses less behind a proxy that passes on whole parts only.
    if (this.upload) {
      const { options } = this.upload;
      options.chunkSize = Math.max(PART.min, options.chunkSize / 2);
    }
    if (!navigator.onLine) this.listener.state("offline");
    else {
      const delay = seconds === 1 ? "a second" : `${seconds} seconds`;
      this.listener.state("retrying", `${reasonFor(status, response)} Trying again in ${delay}.`);
    }
    this.retryTimer = setTimeout(() => this.attempt(), seconds * 1000);
  }

  /** A change of network does not always end the connection with an error. */
  watchForStall() {
    clearTimeout(this.stallTimer ?? undefined);
    this.stallTimer = setTimeout(() => this.connectionLost(), STALL_SECONDS * 1000);
  }

  connectionLost() {
    this.upload.abort();
    this.isUnsure ||= this.isCreating;
    this.isCreating = false;
    this.retryLater(0);
  }

  clearTimers() {
    clearTimeout(this.retryTimer ?? undefined);
    clearTimeout(this.stallTimer ?? undefined);
    this.retryTimer = this.stallTimer = null;
  }

  /** @param {UploadOutcome} outcome */
  settle(outcome) {
    this.resolve?.(outcome);
    this.resolve = null;
  }
}

/**
 * The first sentence of the site's message: what follows it is for people who try by hand.
 * @param {number} status
 * @param {any} response
 */
function reasonFor(status, response) {
  if (status === 423) return "Another window or device is uploading this file.";
  if (status !== 429 && status !== 503) return "Can't reach the server.";
  return siteMessage(response).match(/^.+?\.(?= |$)/)?.[0] ?? "The site is busy.";
}

/** @param {any} response */
function messageOf(response) {
  return siteMessage(response) || BROKEN;
}

/** The site's own sentences; a proxy's error page has none. @param {any} response */
function siteMessage(response) {
  const isFromSite = response?.getHeader("Content-Type")?.startsWith("text/plain");
  return isFromSite ? response.getBody().trim().slice(0, 300) : "";
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
