/** <clip-report>: opens the page of any link with `data-report` in a sheet, without leaving the page. */
class ClipReport extends HTMLElement {
  #address = "";

  connectedCallback() {
    document.addEventListener("click", this.press);
    this.addEventListener("click", (event) => {
      const pressed = /** @type {Element} */ (event.target);
      if (pressed.closest("[data-close]")) this.dialog.close();
    });
    this.addEventListener("htmx:beforeSwap", (event) => this.answer(event));
    this.addEventListener("htmx:afterSwap", () => this.open());
    // The sheet would cover the toast that htmx_errors.js shows.
    this.addEventListener("htmx:responseError", () => this.fail());
    this.addEventListener("htmx:sendError", () => this.fail());
  }

  disconnectedCallback() {
    document.removeEventListener("click", this.press);
  }

  /** @returns {HTMLDialogElement} */
  get dialog() {
    return this.querySelector("dialog");
  }

  /** @param {any} event a click anywhere on the page */
  press = (event) => {
    const link = event.target.closest?.("a[data-report]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    // What was typed about the same thing is kept.
    if (this.#address === link.href) {
      this.dialog.showModal();
      return;
    }
    this.#address = link.href;
    window.htmx.ajax("GET", link.getAttribute("href"), {
      source: this.querySelector("#report-body"),
      target: this.querySelector("#report-body"),
      swap: "outerHTML",
    });
  };

  /** @param {any} event the form comes back with the reason why it was refused */
  answer({ detail }) {
    if (![422, 429].includes(detail.xhr.status)) return;
    detail.shouldSwap = true;
    detail.isError = false;
  }

  open() {
    for (const button of this.querySelectorAll("[data-close]")) button.hidden = false;
    if (this.querySelector("form") === null) this.#address = ""; // sent: ask again next time
    if (!this.dialog.open) this.dialog.showModal();
  }

  fail() {
    this.#address = "";
    this.dialog.close();
  }
}

customElements.define("clip-report", ClipReport);
