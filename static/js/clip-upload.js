/** <clip-upload>: up to twenty films at once: chosen, checked, sent one after another so that
 * nothing is lost, and followed until they are ready. Without it the form takes one, plainly. */

import { fileSize } from "./units.js";
import { Batch } from "./upload/batch.js";
import { orderByDragging, takeFromPage } from "./upload/drag_and_drop.js";
import { Session } from "./upload/session.js";
import { Unfinished } from "./upload/unfinished.js";

const NEW = "new"; // of the choices of a playlist
const ALL_SENT = "Everything is sent. You may close this page.";

class ClipUpload extends HTMLElement {
  connectedCallback() {
    this.piece = (name) => this.querySelector(`[data-${name}]`);
    const { accepted, maxBytes, resets, most } = this.dataset;
    this.limits = { accepted: accepted.split(","), most: Number(maxBytes), resets };
    this.most = Number(most);
    this.heading = document.title;
    this.session = new Session(this, { onQuota: () => this.showQuota() });
    this.batch = new Batch(this, this.session);
    this.unfinished = new Unfinished(this.piece("unfinished"), this.session, {
      onFile: (upload, file) => this.batch.goOn(upload, file),
      say: (text, isLoud) => this.say(text, isLoud),
    });
    this.form = this.querySelector("form"); // none when the week is used up
    this.dataset.live = "";
    if (this.form) this.setUpForm();
    this.setUpTotal();
    takeFromPage(this, (files) => this.take(files));
    orderByDragging(this.batch);
    addEventListener("beforeunload", (event) => {
      if (this.batch.isBusy) event.preventDefault();
    });
    this.unfinished.load().then(() => {
      if (this.input?.files.length) this.takeInput(); // the browser kept it over a reload
    });
    this.show();
  }

  setUpForm() {
    this.input = this.form.querySelector("input[type=file]");
    this.input.multiple = true;
    this.input.required = false;
    for (const plain of this.form.querySelectorAll("[data-plain]")) plain.remove();
    for (const live of this.form.querySelectorAll("[data-for-many]")) live.hidden = false;
    this.piece("or").hidden = matchMedia("(pointer: coarse)").matches;
    this.input.addEventListener("change", () => this.takeInput());
    this.nameField = this.form.querySelector("#id_common_name");
    this.nameField.addEventListener("input", () => this.batch.nameAll(this.commonName));
    this.playlist = this.form.querySelector("#id_playlist");
    this.playlist.addEventListener("change", () => this.showPlaylist());
    this.piece("drop-bad").addEventListener("click", () => this.dropBad());
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      event.stopPropagation();
      this.send();
    });
  }

  setUpTotal() {
    this.piece("pause-all").addEventListener("click", () => {
      this.batch.pauseAll();
      this.piece("resume-all").focus();
      this.say("All is paused.");
    });
    this.piece("resume-all").addEventListener("click", () => {
      this.batch.resume(this.batch.in("paused"));
      this.piece("pause-all").focus();
    });
    this.piece("cancel-all").addEventListener("click", () => this.batch.cancelAll());
  }

  // -- Choosing ---------------------------------------------------------------------------------
  takeInput() {
    const files = [...this.input.files];
    this.input.value = ""; // so that the same one can be chosen again
    this.take(files);
  }

  take(files) {
    const fresh = this.unfinished.match(files);
    if (!fresh.length) return;
    if (!this.form) {
      this.unfinished.takeAll(fresh);
      return;
    }
    const before = this.batch.chosen.length;
    const told = this.batch.add(fresh);
    const added = this.batch.chosen.length - before;
    this.tell(told);
    if (!added) return;
    this.say(`${counted(added)} added. ${this.batch.chosen.length} in the list. ${told}`);
  }

  get commonName() {
    const isShown = this.nameField && this.batch.chosen.length > 1;
    return isShown ? this.nameField.value.replace(/\s+/g, " ").trim() : "";
  }

  get bad() {
    return this.batch.chosen.filter((film) => film.problem);
  }

  dropBad() {
    for (const film of this.bad) this.batch.remove(film);
  }

  // -- Sending ----------------------------------------------------------------------------------
  async send() {
    this.batch.check();
    const [first] = this.bad;
    if (first && this.bad.length === this.batch.chosen.length) {
      first.row.scrollIntoView({ block: "nearest" });
      (first.title.trim() ? first.piece("remove") : first.titleField).focus();
      this.say(first.problem);
      return;
    }
    if (!this.batch.chosen.length || this.isMaking) return;
    this.tell("");
    this.isMaking = true;
    const playlist = await this.playlistId().finally(() => (this.isMaking = false));
    if (playlist === null) return;
    const category = this.form.elements.category.value;
    this.batch.send({ ...(category && { category }), ...(playlist && { playlist }) });
    this.piece("pause-all").focus();
  }

  /** The short id of the playlist; "" for none; null when a new one could not be made. */
  async playlistId() {
    if (this.playlist.value !== NEW) return this.playlist.value;
    const field = this.form.querySelector("#id_playlist_title");
    const body = new URLSearchParams({ title: field.value });
    const answer = await this.session
      .ask(this.dataset.playlists, { method: "POST", body })
      .catch(() => null);
    const made = await answer?.json().catch(() => null);
    if (answer?.status === 201) {
      this.made = made;
      this.offerPlaylist(made);
      return made.short_id;
    }
    this.showPlaylistError(
      made?.errors?.title?.join(" ") ??
        (answer?.status === 401
          ? "You were logged out. Log in again in another tab, then press Upload again."
          : "The playlist could not be made. Check the connection and try again."),
    );
    field.focus();
    return null;
  }

  offerPlaylist({ title, short_id }) {
    this.playlist.add(new Option(title, short_id, true, true), 1);
    this.showPlaylist();
  }

  /** The one that was made for films which were all cancelled; its name stays in the field. */
  async discardPlaylist() {
    const { made } = this;
    const isOf = (film) => film.sending?.words.playlist === made.short_id;
    if (!made || this.batch.films.some(isOf)) return;
    this.made = null;
    const isChosen = this.playlist.value === made.short_id;
    this.playlist.querySelector(`[value="${made.short_id}"]`).remove();
    if (isChosen) this.playlist.value = NEW;
    this.piece("new-playlist").hidden = this.playlist.value !== NEW;
    const address = `${this.dataset.address}playlist/${made.short_id}/discard/`;
    const answer = await this.session.ask(address, { method: "POST" }).catch(() => null);
    if (answer?.status !== 204 && this.playlist.value === NEW) this.offerPlaylist(made);
  }

  showPlaylist() {
    const isNew = this.playlist.value === NEW;
    this.piece("new-playlist").hidden = !isNew;
    this.showPlaylistError("");
    if (isNew) this.form.querySelector("#id_playlist_title").focus();
  }

  showPlaylistError(sentence) {
    const error = this.form.querySelector("#id_playlist_title_error");
    error.hidden = !sentence;
    error.querySelector("span").textContent = sentence;
    this.form.querySelector("#id_playlist_title").ariaInvalid = sentence ? "true" : null;
  }

  // -- What concerns all ------------------------------------------------------------------------
  show() {
    const { batch } = this;
    const { chosen, isBusy } = batch;
    this.toggleAttribute("data-chosen", batch.films.length > 0);
    this.toggleAttribute("data-choosing", chosen.length > 0);
    if (this.form) this.showChoice(chosen.filter((film) => !film.problem));
    this.showTotal(isBusy);
  }

  /** `fit`: what will be sent. */
  showChoice(fit) {
    this.form.querySelector("label[for=id_file]").textContent = this.batch.films.length
      ? "Add more videos"
      : "Choose videos";
    const size = fit.reduce((all, film) => all + film.size, 0);
    const { left } = this.session;
    const after =
      left === null || size > left
        ? ""
        : ` ${fileSize(left - size)} stay left until ${this.limits.resets}.`;
    this.piece("sum").textContent = fit.length
      ? `${counted(fit.length)}, ${fileSize(size)}.${after}`
      : "";
    this.piece("common-name").hidden = this.batch.chosen.length < 2;
    const bad = this.bad.length;
    this.piece("bad").hidden = !bad;
    this.piece("bad-words").textContent =
      bad === 1 ? "One can’t be sent as it is" : `${bad} can’t be sent as they are`;
    this.piece("drop-bad").textContent = bad === 1 ? "Remove it" : "Remove them";
    const many = fit.length > 1 ? ` ${fit.length} videos` : "";
    this.form.querySelector("[type=submit]").textContent = `Upload${many}`;
  }

  showTotal(isBusy) {
    const { total } = this.batch;
    const underWay = this.batch.films.filter((film) => film.isUnderWay);
    const areAllPaused = isBusy && underWay.every((film) => film.state === "paused");
    this.piece("total").hidden = !total.count;
    this.piece("total-bar").value = total.percent;
    this.piece("total-percent").textContent = isBusy ? `${total.percent} %` : "Sent";
    this.piece("total-rate").textContent = isBusy && !areAllPaused ? total.rate : "";
    this.piece("pause-all").hidden = !isBusy || areAllPaused;
    this.piece("resume-all").hidden = !areAllPaused;
    this.piece("cancel-all").hidden = !isBusy;
    this.piece("see").hidden = isBusy || !total.count;
    const failed = this.batch.in("failed").length;
    this.piece("advice").textContent = adviceFor({ isBusy, areAllPaused, failed });
    document.title = isBusy ? `${total.percent} % – ${this.heading}` : this.heading;
    const quarter = Math.floor(total.percent / 25);
    if (isBusy && quarter && quarter !== this.quarter) {
      this.say(`${quarter * 25} % of all is sent.`);
    }
    this.quarter = isBusy ? quarter : 0;
  }

  /** All that could go has gone. */
  finish() {
    const held = document.activeElement;
    this.show();
    const { total, isBusy } = this.batch;
    if (isBusy || !total.count) return;
    const failed = this.batch.in("failed").length;
    this.say(failed ? `${counted(total.count)} sent. ${failed} could not be sent.` : ALL_SENT);
    if (held === document.body || !held.checkVisibility()) this.piece("see").focus();
  }

  showQuota() {
    const { left } = this.session;
    const bar = this.querySelector(".quota progress");
    if (!bar || left === null) return;
    const isUsedUp = left <= 0;
    bar.value = bar.max - left;
    bar.classList.toggle("bar--full", isUsedUp);
    const words = this.querySelector(".quota [data-left]");
    words.querySelector("strong").textContent = fileSize(left);
    words.hidden = isUsedUp;
    this.querySelector(".quota [data-used-up]").hidden = !isUsedUp;
    this.batch.check();
  }

  // -- Words ------------------------------------------------------------------------------------
  /** To screen readers; aloud also as a note that is seen. */
  say(text, isLoud = false) {
    this.piece("status").textContent = text;
    if (isLoud) this.tell(text);
  }

  /** A sentence above the list; "" takes it away. */
  tell(text) {
    const note = this.piece("note");
    note.hidden = !text;
    note.querySelector("p").textContent = text;
  }
}

function adviceFor({ isBusy, areAllPaused, failed }) {
  if (areAllPaused) return "What has arrived is kept for two days. You may go on later.";
  if (isBusy) return "Keep this page open until all is sent. If it closes, nothing is lost.";
  return failed ? `${counted(failed)} could not be sent; why stands below.` : ALL_SENT;
}

function counted(count) {
  return count === 1 ? "1 video" : `${count} videos`;
}

customElements.define("clip-upload", ClipUpload);
