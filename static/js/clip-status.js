/** <clip-status>: how far a video is. The site says when to ask again; nobody asks for a page that
    is not looked at. */

class ClipStatus extends HTMLElement {
  connectedCallback() {
    this.player = document.querySelector("clip-player");
    this.player?.source.told(this.dataset.state, this.querySelector("template"));
    document.addEventListener("visibilitychange", this.look);
    this.addEventListener("htmx:beforeRequest", this.hold);
    this.addEventListener("htmx:beforeOnLoad", this.notice);
    this.addEventListener("htmx:responseError", this.keepQuiet);
    this.addEventListener("htmx:sendError", this.keepQuiet);
  }

  disconnectedCallback() {
    document.removeEventListener("visibilitychange", this.look);
  }

  look = () => {
    if (!document.hidden) this.dispatchEvent(new Event("look"));
  };

  hold = (event) => {
    if (document.hidden && event.target === this) event.preventDefault();
  };

  /** It asks again by itself. */
  keepQuiet = (event) => {
    if (event.target === this) event.preventDefault();
  };

  /** Who watches is not led away to the log-in; what is gone is not asked for again. */
  notice = (event) => {
    const { status } = event.detail.xhr;
    if (status === 401 && this.player) {
      event.preventDefault();
      this.player.loggedOut();
      this.remove();
    } else if (status === 404) {
      event.preventDefault();
      location.reload();
    }
  };
}

customElements.define("clip-status", ClipStatus);
