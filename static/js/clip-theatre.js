/** <clip-theatre>: the player over the whole width; remembered. */
import { remember } from "./storage.js";

class ClipTheatre extends HTMLElement {
  connectedCallback() {
    this.hidden = false;
    this.button = this.querySelector("button");
    this.button.addEventListener("click", () => this.turn());
    addEventListener("clip-look", () => this.show());
    this.show();
  }

  get isOn() {
    return "theatre" in document.documentElement.dataset;
  }

  turn() {
    document.documentElement.toggleAttribute("data-theatre", !this.isOn);
    remember("theatre", this.isOn ? "on" : null);
    this.show();
  }

  show() {
    this.button.setAttribute("aria-pressed", String(this.isOn));
  }
}

customElements.define("clip-theatre", ClipTheatre);
