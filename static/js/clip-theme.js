/** <clip-theme>: three buttons for light, dark, or as the system has it; the choice is kept. */
import { recall, remember } from "./storage.js";

class ClipTheme extends HTMLElement {
  connectedCallback() {
    this.hidden = false;
    this.addEventListener("click", (event) => {
      const choice = event.target.closest("button");
      if (choice) this.choose(choice.value);
    });
    addEventListener("clip-look", () => this.show(recall("theme") ?? "auto"));
    this.show(recall("theme") ?? "auto");
  }

  choose(theme) {
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    remember("theme", theme);
    this.show(theme);
  }

  show(theme) {
    for (const button of this.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(button.value === theme));
    }
    const canvas = getComputedStyle(document.body).backgroundColor;
    const colour =
      canvas === "rgba(0, 0, 0, 0)"
        ? getComputedStyle(document.documentElement).backgroundColor
        : canvas;
    document.querySelectorAll("meta[name=theme-color]").forEach((meta) => {
      meta.content = colour;
    });
  }
}

customElements.define("clip-theme", ClipTheme);
