/** <clip-status>: the processing status of a video. The site says how often htmx polls it; a
    hidden page does not poll. */
import { showPlayer } from "./show_player.js";

export class ClipStatus extends HTMLElement {
  /** @type {ClipPlayer | null} */
  player = null;

  connectedCallback() {
    this.player = document.querySelector("clip-player");
    const { state } = this.dataset;
    const hasH264 = state === "ready" || "h264" in this.dataset;
    this.player?.source.statusChanged(state, this.querySelector("template"), hasH264);
    document.addEventListener("visibilitychange", this.refresh);
    this.addEventListener("htmx:beforeRequest", this.skipWhenHidden);
    this.addEventListener("htmx:beforeOnLoad", this.handleResponse);
    this.addEventListener("htmx:responseError", this.ignoreError);
    this.addEventListener("htmx:sendError", this.ignoreError);
  }

  disconnectedCallback() {
    document.removeEventListener("visibilitychange", this.refresh);
  }

  refresh = () => {
    if (!document.hidden) this.dispatchEvent(new Event("refresh"));
  };

  /** @param {Event} event */
  skipWhenHidden = (event) => {
    if (document.hidden && event.target === this) event.preventDefault();
  };

  /** The next request follows anyway, so no toast is shown. @param {Event} event */
  ignoreError = (event) => {
    if (event.target === this) event.preventDefault();
  };

  /** Shows the player once there is something to play; else htmx loads the page again (HX-Refresh).
      Keeps a member who is watching on the page after a log-out, and reloads the page of a video
      that was deleted. @param {CustomEvent<{ xhr: XMLHttpRequest }>} event */
  handleResponse = (event) => {
    const { status, responseText } = event.detail.xhr;
    if (event.detail.xhr.getResponseHeader("HX-Refresh")) {
      if (showPlayer(responseText)) event.preventDefault();
    } else if (status === 401 && this.player) {
      event.preventDefault();
      this.player.showLoggedOut();
      this.remove();
    } else if (status === 404) {
      event.preventDefault();
      location.reload();
    }
  };
}

customElements.define("clip-status", ClipStatus);
