/** <clip-theme>: three buttons: light, dark, or the system's theme; the choice is kept. */
import { recall, remember } from "./storage.js";

class ClipTheme extends HTMLElement {
  connectedCallback() {
    this.hidden = false;
    this.addEventListener("click", (event) => {
      const choice = event.target.closest("button");
      if (choice) this.choose(choice.value);
    });
    addEventListener("clip-appearance", () => this.show(recall("theme") ?? "auto"));
    this.show(recall("theme") ?? "auto");
  }

  /** @param {string} theme */
  choose(theme) {
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    remember("theme", theme);
    this.show(theme);
  }

  /** @param {string} theme */
  show(theme) {
    for (const button of this.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(button.value === theme));
    }
    const canvas = getComputedStyle(document.body).backgroundColor;
    const color =
      canvas === "rgba(0, 0, 0, 0)"
        ? getComputedStyle(document.documentElement).backgroundColor
        : canvas;
    for (const meta of document.querySelectorAll("meta[name=theme-color]")) meta.content = color;
  }
}

customElements.define("clip-theme", ClipTheme);
