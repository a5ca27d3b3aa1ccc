/** <clip-theatre>: a button that gives the player the whole width of the page; the choice is kept. */
import { remember } from "./storage.js";

export class ClipTheatre extends HTMLElement {
  /** @type {HTMLButtonElement} */
  button;

  connectedCallback() {
    this.hidden = false;
    this.button = this.querySelector("button");
    this.button.addEventListener("click", () => this.toggle());
    addEventListener("clip-appearance", () => this.show());
    this.show();
  }

  get isOn() {
    return "theatre" in document.documentElement.dataset;
  }

  toggle() {
    document.documentElement.toggleAttribute("data-theatre", !this.isOn);
    remember("theatre", this.isOn ? "on" : null);
    this.show();
  }

  show() {
    this.button.setAttribute("aria-pressed", String(this.isOn));
  }
}

customElements.define("clip-theatre", ClipTheatre);
