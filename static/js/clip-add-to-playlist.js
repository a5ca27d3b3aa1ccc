/** <clip-add-to-playlist>: the sheet in which a video is put into playlists (by htmx). */
export class ClipAddToPlaylist extends HTMLElement {
  connectedCallback() {
    this.addEventListener("htmx:beforeSwap", ({ detail }) => {
      // What was typed comes back with the reason why it is not taken.
      if (detail.xhr.status !== 422) return;
      detail.shouldSwap = true;
      detail.isError = false;
    });
    // The words for it (htmx_errors.js) would not be seen below a sheet on a phone.
    this.addEventListener("htmx:responseError", () => this.hidePopover());
    this.addEventListener("htmx:sendError", () => this.hidePopover());
  }
}

customElements.define("clip-add-to-playlist", ClipAddToPlaylist);
