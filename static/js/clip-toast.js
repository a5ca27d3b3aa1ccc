/** <clip-toast>: a short message that disappears after `data-seconds`, or after a few seconds. Errors
    and warnings stay until they are closed. */
const SECONDS = 6;

class ClipToast extends HTMLElement {
  /** @type {number | undefined} */
  timer;

  connectedCallback() {
    const button = this.querySelector("[data-close]");
    button.hidden = false;
    button.addEventListener("click", () => this.remove());
    // Its button has been pressed, and what follows has a toast of its own.
    this.addEventListener("htmx:afterOnLoad", () => this.remove());
    if (this.matches(".toast--error, .toast--warning")) return;
    this.addEventListener("pointerenter", () => this.stay());
    this.addEventListener("pointerleave", () => this.removeLater());
    this.addEventListener("focusin", () => this.stay());
    this.addEventListener("focusout", () => this.removeLater());
    if (!this.matches(":focus-within")) this.removeLater();
  }

  disconnectedCallback() {
    this.stay();
  }

  removeLater() {
    this.stay();
    this.timer = setTimeout(() => this.remove(), (Number(this.dataset.seconds) || SECONDS) * 1000);
  }

  stay() {
    clearTimeout(this.timer);
  }
}

customElements.define("clip-toast", ClipToast);

/** Shows `text` in a corner of the page. A toast with the same text is replaced.
    @param {string} text
    @param {"success" | "error"} [level]
    @param {(string | Node)[]} more what follows the text */
export function toast(text, level = "success", ...more) {
  const template = document.getElementById("toast").content.firstElementChild;
  const element = document.importNode(template, true);
  element.classList.add(`toast--${level}`);
  const [good, bad] = element.querySelectorAll(":scope > .icon");
  (level === "error" ? good : bad).remove();
  const message = element.querySelector(".toast__text");
  message.append(text, ...more);
  const toasts = document.getElementById("toasts");
  const shown = [...toasts.querySelectorAll(".toast__text")];
  shown.find((it) => it.textContent === message.textContent)?.parentElement.remove();
  toasts.append(element);
}
