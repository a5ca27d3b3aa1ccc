/** <clip-video-link>: the address of a video, from its beginning or from the current time. */
import { clock } from "./units.js";

class ClipVideoLink extends HTMLElement {
  /** @type {HTMLInputElement} */
  input;
  /** @type {HTMLInputElement} */
  checkbox;
  /** @type {HTMLElement} */
  time;

  connectedCallback() {
    this.input = this.querySelector("input[type=text]");
    this.checkbox = this.querySelector("input[type=checkbox]");
    this.time = this.querySelector("[data-time]");
    this.checkbox.closest("label").hidden = false;
    this.checkbox.addEventListener("change", () => this.show());
    this.closest("[popover]").addEventListener("toggle", (/** @type {ToggleEvent} */ event) => {
      if (event.newState === "open") this.show();
    });
  }

  show() {
    const video = document.querySelector("clip-player video");
    const seconds = Math.floor(video?.currentTime ?? 0);
    this.time.textContent = clock(seconds);
    const start = this.checkbox.checked && seconds ? `?t=${seconds}` : "";
    this.input.value = `${location.origin}${location.pathname}${start}`;
  }
}

customElements.define("clip-video-link", ClipVideoLink);
