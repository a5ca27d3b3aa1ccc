/** <clip-video-link>: the address of a video, from its beginning or from where one is. */
import { clock } from "./units.js";

class ClipVideoLink extends HTMLElement {
  connectedCallback() {
    this.input = this.querySelector("input[type=text]");
    this.box = this.querySelector("input[type=checkbox]");
    this.time = this.querySelector("[data-time]");
    this.box.closest("label").hidden = false;
    this.box.addEventListener("change", () => this.show());
    this.closest("[popover]").addEventListener("toggle", (event) => {
      if (event.newState === "open") this.show();
    });
  }

  show() {
    const video = document.querySelector("clip-player video");
    const seconds = Math.floor(video?.currentTime ?? 0);
    this.time.textContent = clock(seconds);
    const at = this.box.checked && seconds ? `?t=${seconds}` : "";
    this.input.value = `${location.origin}${location.pathname}${at}`;
  }
}

customElements.define("clip-video-link", ClipVideoLink);
