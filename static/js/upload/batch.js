/** The videos of the upload page in their order, uploaded one after another. */
import { messageAbout, moved, nextOf, problemsOf, sortFiles, totalOf } from "./batch_order.js";
import { numbered, titleOf } from "./files.js";
import { SpeedMeter } from "./speed_meter.js";
import { loadTus, TusUpload } from "./tus_upload.js";
import { UploadRow } from "./upload_row.js";
import { keepScreenOn } from "./wake_lock.js";

/** Needed once something was uploaded. */
const processing = () => import("./processing.js");

export class Batch {
  /** @type {UploadRow[]} */
  rows = [];
  meter = new SpeedMeter();
  cancelling = 0; // cancelled uploads that the site still has
  isRunning = false;

  /** What the buttons of a row do, by their data-action. @type {UploadActions} */
  actions = {
    title: () => this.check(),
    up: (row) => this.move(row, this.chosen.indexOf(row) - 1),
    down: (row) => this.move(row, this.chosen.indexOf(row) + 1),
    remove: (row) => this.remove(row),
    pause: (row) => this.pause(row),
    resume: (row) => this.resume([row]),
    retry: (row) => this.resume([row]),
    cancel: (row) => this.cancel(row),
    login: () => this.session.checkLogin?.(),
    "drop-second": (row) => this.deleteDuplicate(row),
    "keep-both": (row) => this.keepBoth(row),
  };

  /** @param {ClipUpload} page @param {UploadSession} session */
  constructor(page, session) {
    this.page = page;
    this.session = session;
    this.list = page.querySelector("[data-list]");
  }

  /** @param {string[]} states */
  in(...states) {
    return this.rows.filter((row) => states.includes(row.state));
  }

  get chosen() {
    return this.in("chosen");
  }

  get underWay() {
    return this.rows.filter((row) => row.isUnderWay);
  }

  get isBusy() {
    return this.underWay.length > 0;
  }

  get total() {
    return totalOf(
      this.rows.filter((row) => row.isUnderWay || row.isSent),
      this.meter.speed,
    );
  }

  // -- Choosing -----------------------------------------------------------------------------------

  /** Adds files. Returns a message about those that were not added, or "". @param {File[]} files */
  add(files) {
    const listed = this.rows.filter((row) => row.state !== "removed").map((row) => row.file);
    const room = this.page.maxFiles - this.chosen.length - this.underWay.length;
    const sorted = sortFiles(files, listed, room);
    if (sorted.added.length) loadTus().catch(() => {}); // an upload loads it again after a failure
    for (const file of sorted.added) this.append(file, titleOf(file.name));
    this.nameAll(this.page.commonName);
    return messageAbout(sorted, this.page.maxFiles);
  }

  /** @param {File} file @param {string} title */
  append(file, title) {
    const row = new UploadRow(file, title, this.actions);
    this.rows.push(row);
    this.list.append(row.element);
    return row;
  }

  /** Names all videos that were not named by hand "Holiday 1", "Holiday 2", …; with "" by their
      files. @param {string} name */
  nameAll(name) {
    const rows = this.chosen.filter((row) => !row.isNamed);
    rows.forEach((row, at) => {
      row.setTitle(name ? numbered(name, at + 1, rows.length) : titleOf(row.name));
    });
    this.check();
  }

  /** Shows what is wrong with each video. */
  check() {
    const { chosen, page } = this;
    const problems = problemsOf(chosen, page.limits, this.session.left);
    chosen.forEach((row, at) => {
      row.problem = problems[at];
      row.render();
    });
    for (const row of this.rows) row.setMoves(chosen.indexOf(row), chosen.length);
    page.show();
  }

  /** @param {UploadRow} row @param {number} at place among those that are not uploaded yet */
  move(row, at) {
    this.rows = moved(this.rows, row, at);
    const { chosen } = this;
    const place = chosen.indexOf(row);
    const focused = /** @type {any} */ (document.activeElement);
    this.list.insertBefore(row.element, chosen[place + 1]?.element ?? null);
    this.nameAll(this.page.commonName);
    if (row.element.contains(focused)) {
      (focused.disabled ? row.piece(place ? "up" : "down") : focused).focus();
    }
    this.page.say(`${row.title}: now ${place + 1} of ${chosen.length}.`);
  }

  // -- Actions ------------------------------------------------------------------------------------

  /** @param {UploadRow} row */
  remove(row) {
    const at = this.rows.indexOf(row);
    const neighbor = this.rows[at + 1] ?? this.rows[at - 1];
    this.rows = this.rows.filter((it) => it !== row);
    row.element.remove();
    this.nameAll(this.page.commonName);
    if (neighbor?.element.isConnected) neighbor.focus();
    else this.page.input?.focus();
    this.page.say(`${row.title || row.name} removed.`);
  }

  /** @param {UploadRow} row */
  pause(row) {
    row.setState("paused");
    row.transfer?.stop();
    this.page.show();
  }

  /** @param {UploadRow[]} rows */
  resume(rows) {
    for (const row of rows) {
      row.problem = "";
      row.setState("waiting");
    }
    this.run();
  }

  pauseAll() {
    for (const row of this.underWay) this.pause(row);
  }

  /** @param {UploadRow} row */
  async cancel(row) {
    row.setState("removed");
    const ended = row.transfer?.cancel();
    this.remove(row);
    this.page.say(`Upload of ${row.title} cancelled.`);
    this.cancelling += 1;
    await ended;
    this.cancelling -= 1;
    if (!this.cancelling) this.page.discardPlaylist();
  }

  cancelAll() {
    for (const row of this.underWay) this.cancel(row);
    this.page.say("All uploads cancelled.");
  }

  /** Deletes a video whose file was uploaded before. @param {UploadRow} row */
  async deleteDuplicate(row) {
    const { deleteVideo } = await processing();
    if (await deleteVideo(row.video, this.session).catch(() => false)) {
      row.duplicate = null;
      row.setState("removed");
      this.page.say(`${row.title} removed. The first copy was kept.`);
    } else this.page.say("Couldn't remove the video. Check your connection and try again.", true);
    this.page.show();
  }

  /** @param {UploadRow} row */
  keepBoth(row) {
    row.duplicate = null;
    row.render();
    row.focus();
  }

  // -- Uploading ----------------------------------------------------------------------------------

  /** Uploads the chosen videos that have no problem.
      @param {{ category?: string, playlist?: string }} details of all of them */
  upload(details) {
    for (const row of this.chosen.filter((it) => !it.problem)) {
      /** @type {UploadMetadata} */
      const metadata = { filename: row.name, title: row.title.trim(), ...details };
      if (row.file.type) metadata.filetype = row.file.type;
      if (row.description.trim()) metadata.description = row.description;
      this.enqueue(row, metadata, "");
    }
    this.run();
  }

  /** Resumes an upload that was begun before. @param {UnfinishedUpload} upload @param {File} file */
  resumeUnfinished(upload, file) {
    const row = this.append(file, upload.title || titleOf(file.name));
    row.sent = upload.offset;
    // The details are needed again if the site has lost the upload.
    const { description, category, playlist } = upload;
    /** @type {UploadMetadata} */
    const metadata = { filename: file.name, title: row.title };
    if (file.type) metadata.filetype = file.type;
    if (description) metadata.description = description;
    if (category) metadata.category = category;
    if (playlist) metadata.playlist = playlist;
    this.enqueue(row, metadata, upload.url);
    this.run();
  }

  /** @param {UploadRow} row @param {UploadMetadata} metadata @param {string} url */
  enqueue(row, metadata, url) {
    row.transfer = new TusUpload(row.file, this.session, metadata, url, {
      state: (state, detail) => this.setState(row, state, detail),
      progress: (sent) => this.progress(row, sent),
      isKnown: (other) => this.rows.some((it) => it.transfer?.url === other),
    });
    row.setState("waiting");
  }

  async run() {
    this.check();
    if (this.isRunning) return;
    this.isRunning = true;
    const letScreenOff = keepScreenOn();
    for (let row = nextOf(this.rows); row; row = nextOf(this.rows)) {
      const { transfer } = row;
      if (!transfer) break;
      const outcome = await transfer.run({ createOnly: !transfer.url });
      if (row.isUnderWay && row.state !== "paused") this.settle(row, outcome);
    }
    this.isRunning = false;
    letScreenOff();
    this.page.finish();
  }

  /** @param {UploadRow} row @param {UploadOutcome} outcome */
  settle(row, { isCreated, isSent, problem }) {
    row.speed = 0;
    if (isCreated) row.setState("waiting");
    if (isSent) this.uploaded(row);
    if (problem) {
      row.problem = problem;
      row.setState("failed");
      this.page.say(`${row.title} failed to upload. ${problem}`);
    }
    this.page.show();
  }

  /** @param {UploadRow} row */
  uploaded(row) {
    row.sent = row.size;
    row.video = row.transfer?.video ?? "";
    row.duplicate = row.transfer?.duplicate ?? null;
    row.setState("made");
    this.page.say(`${row.title} uploaded.`);
    processing().then(({ follow }) => follow(row, this.session));
  }

  /** @param {UploadRow} row @param {string} state @param {string} [detail] */
  setState(row, state, detail = "") {
    if (!row.isUnderWay || row.state === "paused") return;
    const isNew = row.state !== state;
    if (state !== "sending") this.meter.reset();
    row.setState(state, detail);
    if (isNew && state !== "sending" && state !== "waiting") {
      this.page.say(row.piece("message").textContent);
    }
    this.page.show();
  }

  /** @param {UploadRow} row @param {number} sent bytes */
  progress(row, sent) {
    if (row.state !== "sending") row.setState("sending");
    this.meter.note(sent - row.sent);
    row.sent = sent;
    row.speed = this.meter.speed;
    row.secondsLeft = row.speed ? (row.size - sent) / row.speed : 0;
    row.render();
    this.page.show();
  }
}
