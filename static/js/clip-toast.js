/** <clip-toast>: a short word that leaves by itself, in `data-seconds` where it offers something;
    errors stay until they are closed. */
const SECONDS = 6;

class ClipToast extends HTMLElement {
  connectedCallback() {
    const button = this.querySelector("[data-close]");
    button.hidden = false;
    button.addEventListener("click", () => this.remove());
    if (this.matches(".toast--error, .toast--warning")) return;
    this.addEventListener("pointerenter", () => this.stay());
    this.addEventListener("pointerleave", () => this.leave());
    this.addEventListener("focusin", () => this.stay());
    this.addEventListener("focusout", () => this.leave());
    this.leave();
  }

  disconnectedCallback() {
    this.stay();
  }

  leave() {
    this.stay();
    this.timer = setTimeout(() => this.remove(), (Number(this.dataset.seconds) || SECONDS) * 1000);
  }

  stay() {
    clearTimeout(this.timer);
  }
}

customElements.define("clip-toast", ClipToast);

/** Says `text` in a corner, once however often it happens. `level` is "success" or "error"; `more`
 * is what follows the text: nodes and strings. */
export function toast(text, level = "success", ...more) {
  const piece = document.getElementById("toast").content.firstElementChild;
  const element = document.importNode(piece, true);
  element.classList.add(`toast--${level}`);
  const [good, bad] = element.querySelectorAll(":scope > .icon");
  (level === "error" ? good : bad).remove();
  const words = element.querySelector(".toast__text");
  words.append(text, ...more);
  const toasts = document.getElementById("toasts");
  const said = [...toasts.querySelectorAll(".toast__text")];
  said.find((it) => it.textContent === words.textContent)?.parentElement.remove();
  toasts.append(element);
}
