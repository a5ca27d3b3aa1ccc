/** <clip-share>: the address of a video, from its beginning or from where one is. */
import { clock } from "./words.js";

class ClipShare extends HTMLElement {
  connectedCallback() {
    this.video = document.querySelector("clip-player video");
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
    const seconds = Math.floor(this.video?.currentTime ?? 0);
    this.time.textContent = clock(seconds);
    const at = this.box.checked && seconds ? `?t=${seconds}` : "";
    this.input.value = `${location.origin}${location.pathname}${at}`;
  }
}

customElements.define("clip-share", ClipShare);
