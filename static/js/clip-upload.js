/** <clip-upload>: uploads up to twenty videos, one after another, so that nothing is lost, and follows
    them until they are ready. Without it the form uploads one video. */
import { fileSize } from "./units.js";
import { Batch } from "./upload/batch.js";
import { leftAfter } from "./upload/batch_order.js";
import { acceptFiles, orderByDragging } from "./upload/drag_and_drop.js";
import { PlaylistChoice } from "./upload/playlist_choice.js";
import { UploadSession } from "./upload/session.js";

const ALL_SENT = "All uploads finished. You can close this page.";

export class ClipUpload extends HTMLElement {
  /** @type {UploadLimits} */
  limits;
  maxFiles = 0;
  heading = ""; // the title of the page
  /** @type {UploadSession} */
  session;
  /** @type {Batch} */
  batch;
  /** @type {Unfinished | null} */
  unfinished = null; // none where all uploads are finished
  /** @type {HTMLFormElement | null} */
  form = null; // none when the quota is used up
  /** @type {HTMLInputElement | null} */
  input = null;
  /** @type {HTMLInputElement | null} */
  nameField = null;
  /** @type {PlaylistChoice | null} */
  playlist = null;
  isSubmitting = false;
  quarter = 0; // of the whole upload, that was announced last

  connectedCallback() {
    const { accepted = "", extensions = "", maxBytes, resets = "", maxFiles } = this.dataset;
    this.limits = {
      accepted: accepted.split(","),
      extensions: extensions.split(","),
      maxBytes: Number(maxBytes),
      resets,
    };
    this.maxFiles = Number(maxFiles);
    this.heading = document.title;
    this.session = new UploadSession(this, () => this.showQuota());
    this.batch = new Batch(this, this.session);
    this.form = this.querySelector("form");
    this.dataset.live = "";
    if (this.form) this.setUpForm(this.form);
    this.setUpTotal();
    acceptFiles(this, (files) => this.take(files));
    orderByDragging(this.batch);
    addEventListener("beforeunload", (event) => {
      if (this.batch.isBusy) event.preventDefault();
    });
    this.loadUnfinished().then(() => {
      if (this.input?.files?.length) this.takeInput(); // the browser kept them over a reload
    });
    this.show();
  }

  async loadUnfinished() {
    const uploads = await this.session.unfinished().catch(() => []);
    if (!uploads.length) return;
    const module = await import("./upload/unfinished.js").catch(() => null);
    if (module) this.unfinished = new module.Unfinished(this, uploads);
  }

  /** @param {string} name */
  piece(name) {
    return this.querySelector(`[data-${name}]`);
  }

  /** @param {HTMLFormElement} form */
  setUpForm(form) {
    const input = form.querySelector("input[type=file]");
    const nameField = form.querySelector("#id_common_name");
    Object.assign(this, { input, nameField });
    input.multiple = true;
    input.required = false;
    for (const plain of form.querySelectorAll("[data-plain]")) plain.remove();
    for (const live of form.querySelectorAll("[data-for-many]")) live.hidden = false;
    this.piece("or").hidden = matchMedia("(pointer: coarse)").matches;
    input.addEventListener("change", () => this.takeInput());
    nameField.addEventListener("input", () => this.batch.nameAll(this.commonName));
    this.playlist = new PlaylistChoice(this, this.session);
    this.piece("remove-invalid").addEventListener("click", () => this.removeInvalid());
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      event.stopPropagation();
      this.submit();
    });
  }

  setUpTotal() {
    this.piece("pause-all").addEventListener("click", () => {
      this.batch.pauseAll();
      this.piece("resume-all").focus();
      this.say("All uploads paused.");
    });
    this.piece("resume-all").addEventListener("click", () => {
      this.batch.resume(this.batch.in("paused"));
      this.piece("pause-all").focus();
    });
    this.piece("cancel-all").addEventListener("click", () => this.batch.cancelAll());
  }

  // -- Choosing -----------------------------------------------------------------------------------

  takeInput() {
    if (!this.input?.files) return;
    const files = [...this.input.files];
    this.input.value = ""; // so that the same file can be chosen again
    this.take(files);
  }

  /** @param {File[]} files */
  take(files) {
    const fresh = this.unfinished?.match(files) ?? files;
    if (!fresh.length) return;
    if (!this.form) {
      this.unfinished?.takeAll(fresh);
      return;
    }
    const before = this.batch.chosen.length;
    const message = this.batch.add(fresh);
    const { length } = this.batch.chosen;
    this.showNote(message);
    if (length > before) {
      this.say(`${counted(length - before)} added. ${length} in the list. ${message}`);
    }
  }

  /** The name for all videos, which is offered where there are several. */
  get commonName() {
    const isShown = this.nameField && this.batch.chosen.length > 1;
    return isShown ? (this.nameField?.value.replace(/\s+/g, " ").trim() ?? "") : "";
  }

  get invalid() {
    return this.batch.chosen.filter((row) => row.problem);
  }

  removeInvalid() {
    for (const row of this.invalid) this.batch.remove(row);
  }

  // -- Uploading ----------------------------------------------------------------------------------

  async submit() {
    this.batch.check();
    const [first] = this.invalid;
    if (first && this.invalid.length === this.batch.chosen.length) {
      first.element.scrollIntoView({ block: "nearest" });
      (first.title.trim() ? first.piece("remove") : first.titleField).focus();
      this.say(first.problem);
      return;
    }
    if (!this.batch.chosen.length || this.isSubmitting || !this.playlist) return;
    this.showNote("");
    this.isSubmitting = true;
    const playlist = await this.playlist.shortId().finally(() => {
      this.isSubmitting = false;
    });
    if (playlist === null) return;
    const category = this.form?.querySelector("[name=category]").value;
    this.batch.upload({ ...(category && { category }), ...(playlist && { playlist }) });
    this.piece("pause-all").focus();
  }

  discardPlaylist() {
    this.playlist?.discard((shortId) =>
      this.batch.rows.some((row) => row.transfer?.metadata.playlist === shortId),
    );
  }

  // -- What concerns all videos -------------------------------------------------------------------

  show() {
    const { batch } = this;
    const { chosen } = batch;
    this.toggleAttribute("data-chosen", batch.rows.length > 0);
    this.toggleAttribute("data-choosing", chosen.length > 0);
    if (this.form) this.showChoice(this.form);
    this.showTotal(batch.isBusy);
  }

  /** @param {HTMLFormElement} form */
  showChoice(form) {
    const fit = this.batch.chosen.filter((row) => !row.problem);
    form.querySelector("label[for=id_file]").textContent = this.batch.rows.length
      ? "Add more videos"
      : "Choose videos";
    const size = fit.reduce((sum, row) => sum + row.size, 0);
    const after = leftAfter(size, this.session.left, this.limits.resets);
    this.piece("sum").textContent = fit.length
      ? `${counted(fit.length)}, ${fileSize(size)}. ${after}`
      : "";
    this.piece("common-name").hidden = this.batch.chosen.length < 2;
    const count = this.invalid.length;
    this.piece("invalid").hidden = !count;
    this.piece("invalid-text").textContent =
      count === 1 ? "1 file can't be uploaded" : `${count} files can't be uploaded`;
    this.piece("remove-invalid").textContent = count === 1 ? "Remove it" : "Remove them";
    const many = fit.length > 1 ? ` ${fit.length} videos` : "";
    form.querySelector("[type=submit]").textContent = `Upload${many}`;
  }

  /** @param {boolean} isBusy */
  showTotal(isBusy) {
    const { total, underWay } = this.batch;
    const areAllPaused = isBusy && underWay.every((row) => row.state === "paused");
    this.piece("total").hidden = !total.count;
    this.piece("total-bar").value = total.percent;
    this.piece("total-percent").textContent = isBusy ? `${total.percent}%` : "Upload complete";
    this.piece("total-rate").textContent = isBusy && !areAllPaused ? total.rate : "";
    this.piece("pause-all").hidden = !isBusy || areAllPaused;
    this.piece("resume-all").hidden = !areAllPaused;
    this.piece("cancel-all").hidden = !isBusy;
    this.piece("see").hidden = isBusy || !total.count;
    const failed = this.batch.in("failed").length;
    this.piece("advice").textContent = adviceFor({ isBusy, areAllPaused, failed });
    document.title = isBusy ? `${total.percent}% – ${this.heading}` : this.heading;
    const quarter = Math.floor(total.percent / 25);
    if (isBusy && quarter && quarter !== this.quarter) {
      this.say(`${quarter * 25}% uploaded.`);
    }
    this.quarter = isBusy ? quarter : 0;
  }

  /** Called when nothing is left to upload. */
  finish() {
    const focused = document.activeElement;
    this.show();
    const { total, isBusy } = this.batch;
    if (isBusy || !total.count) return;
    const failed = this.batch.in("failed").length;
    this.say(failed ? `${counted(total.count)} uploaded. ${failed} failed.` : ALL_SENT);
    if (focused === document.body || !focused?.checkVisibility()) this.piece("see").focus();
  }

  showQuota() {
    const { quota, storage } = this.session.left;
    this.showLeft("quota", quota);
    this.showLeft("storage", storage);
    this.batch.check();
  }

  /** @param {string} kind @param {number | null} left bytes; null without a limit */
  showLeft(kind, left) {
    const shown = this.querySelector(`[data-limit=${kind}]`);
    if (!shown || left === null) return;
    const bar = shown.querySelector("progress");
    bar.value = bar.max - left;
    bar.classList.toggle("bar--full", left <= 0);
    const message = shown.querySelector("[data-left]");
    message.querySelector("strong").textContent = fileSize(kind === "quota" ? left : bar.value);
    message.hidden = left <= 0;
    shown.querySelector("[data-used-up]").hidden = left > 0;
  }

  // -- Messages -----------------------------------------------------------------------------------

  /** Tells screen readers; with `isVisible` everybody. @param {string} text */
  say(text, isVisible = false) {
    this.piece("status").textContent = text;
    if (isVisible) this.showNote(text);
  }

  /** Shows a note above the list. @param {string} text "" hides it */
  showNote(text) {
    const note = this.piece("note");
    note.hidden = !text;
    note.querySelector("p").textContent = text;
  }
}

/** @param {{ isBusy: boolean, areAllPaused: boolean, failed: number }} uploads */
function adviceFor({ isBusy, areAllPaused, failed }) {
  if (areAllPaused) return "Your progress is saved for 2 days. Resume any time.";
  if (isBusy)
    return "Keep this page open while we upload. If it closes, you can pick up where you left off.";
  return failed ? `${counted(failed)} failed. See below for details.` : ALL_SENT;
}

/** @param {number} count */
function counted(count) {
  return count === 1 ? "1 video" : `${count} videos`;
}

customElements.define("clip-upload", ClipUpload);
