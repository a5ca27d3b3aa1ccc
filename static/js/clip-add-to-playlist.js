/** <clip-add-to-playlist>: the sheet that adds a video to playlists, by htmx. */
export class ClipAddToPlaylist extends HTMLElement {
  connectedCallback() {
    this.addEventListener("htmx:beforeSwap", ({ detail }) => {
      // The form comes back with the reason why it was refused.
      if (detail.xhr.status !== 422) return;
      detail.shouldSwap = true;
      detail.isError = false;
    });
    // On a phone the sheet would cover the toast that htmx_errors.js shows.
    this.addEventListener("htmx:responseError", () => this.hidePopover());
    this.addEventListener("htmx:sendError", () => this.hidePopover());
  }
}

customElements.define("clip-add-to-playlist", ClipAddToPlaylist);
