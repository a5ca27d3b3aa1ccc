/** The choice of a playlist for the uploaded videos, which can be a new one. */

const NEW = "new"; // the value of the choice "new playlist"

export class PlaylistChoice {
  /** @type {Playlist | null} */
  created = null; // by this page

  /** @param {ClipUpload} page @param {UploadSession} session */
  constructor(page, session) {
    this.page = page;
    this.session = session;
    /** @type {HTMLSelectElement} */
    this.select = page.querySelector("#id_playlist");
    /** @type {HTMLInputElement} */
    this.title = page.querySelector("#id_playlist_title");
    this.select.addEventListener("change", () => this.show());
  }

  get isNew() {
    return this.select.value === NEW;
  }

  /** The short id of the playlist; "" for none; null if a new one could not be created. */
  async shortId() {
    if (!this.isNew) return this.select.value;
    const body = new URLSearchParams({ title: this.title.value });
    const address = this.page.dataset.playlists ?? "";
    const response = await this.session
      .request(address, { method: "POST", body })
      .catch(() => null);
    const answer = await response?.json().catch(() => null);
    if (response?.status === 201) {
      this.created = answer;
      this.offer(answer);
      return answer.short_id;
    }
    const message =
      response?.status === 401
        ? "You were logged out. Log in again in another tab, then press Upload again."
        : "Couldn't create the playlist. Check your connection and try again.";
    this.showError(answer?.errors?.title?.join(" ") ?? message);
    this.title.focus();
    return null;
  }

  /** Adds a playlist to the choices, and chooses it. @param {Playlist} playlist */
  offer({ title, short_id }) {
    this.select.add(new Option(title, short_id, true, true), 1);
    this.show();
  }

  /** Deletes the playlist that this page created if all of its uploads were cancelled. Its title
      stays in the field. @param {(shortId: string) => boolean} isUsed */
  async discard(isUsed) {
    const { created } = this;
    if (!created || isUsed(created.short_id)) return;
    this.created = null;
    const isChosen = this.select.value === created.short_id;
    this.select.querySelector(`[value="${created.short_id}"]`).remove();
    if (isChosen) this.select.value = NEW;
    this.page.piece("new-playlist").hidden = !this.isNew;
    const address = `${this.page.dataset.address}playlist/${created.short_id}/discard/`;
    const response = await this.session.request(address, { method: "POST" }).catch(() => null);
    if (response?.status !== 204 && this.isNew) this.offer(created);
  }

  show() {
    this.page.piece("new-playlist").hidden = !this.isNew;
    this.showError("");
    if (this.isNew) this.title.focus();
  }

  /** @param {string} message "" hides it */
  showError(message) {
    const error = this.page.querySelector("#id_playlist_title_error");
    error.hidden = !message;
    error.querySelector("span").textContent = message;
    this.title.ariaInvalid = message ? "true" : null;
  }
}
