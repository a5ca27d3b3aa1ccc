/** <clip-save>: the sheet in which a video is put into playlists (by htmx). */
import { toast } from "./clip-toast.js";

export class ClipSave extends HTMLElement {
  connectedCallback() {
    this.addEventListener("htmx:beforeSwap", ({ detail }) => {
      // What was typed comes back with the reason why it is not taken.
      if (detail.xhr.status !== 422) return;
      detail.shouldSwap = true;
      detail.isError = false;
    });
    this.addEventListener("htmx:responseError", ({ detail }) => {
      // app.js leads to the log-in.
      if (detail.xhr.status !== 401) this.fail("This is not there any more. Reload the page.");
    });
    this.addEventListener("htmx:sendError", () => {
      this.fail("That did not reach the site. Try it again in a moment.");
    });
  }

  /** Words below a sheet are not seen on a phone. */
  fail(text) {
    this.hidePopover();
    toast(text, "error");
  }
}

customElements.define("clip-save", ClipSave);
