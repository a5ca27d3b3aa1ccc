/** <clip-selection>: says how many rows of an admin's list are selected, "12 videos selected".

    It counts after Django's script, which handles the same events, has set the rows and the field
    for "all rows on all pages". Without scripts the message after an action has the numbers. */
class ClipSelection extends HTMLElement {
  connectedCallback() {
    const form = this.closest("form");
    for (const event of ["change", "click"]) {
      form.addEventListener(event, () => setTimeout(() => this.update(form)));
    }
    addEventListener("pageshow", () => this.update(form));
    this.update(form);
  }

  /** @param {HTMLFormElement} form */
  update(form) {
    /** @type {HTMLInputElement | null} */
    const across = form.querySelector("input.select-across");
    const isAll = across?.value === "1";
    const rows = form.querySelectorAll(".action-select:checked").length;
    const count = isAll ? Number(this.dataset.total) : rows;
    const words = count === 1 ? this.dataset.one : this.dataset.many;
    const text = words.replace("#", count.toLocaleString("en-US") + (isAll ? this.dataset.more : ""));
    if (this.textContent !== text) this.textContent = text;
  }
}

customElements.define("clip-selection", ClipSelection);
