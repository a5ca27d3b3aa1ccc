/** <clip-selection>: says how many rows of an admin's list are selected, "12 videos selected".

    It counts after Django's script, which handles the same events, has set the rows and the field
    for "all rows on all pages". Without scripts the message after an action has the numbers. */
class ClipSelection extends HTMLElement {
  shown = "";

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
    const { one = "", many = "", more = "" } = this.dataset;
    const number = count.toLocaleString("en-US") + (isAll ? more : "");
    const text = count === 1 ? one : many.replace("#", number);
    if (text !== this.shown) this.replaceChildren(text); // a screen reader speaks each change
    this.shown = text;
  }
}

customElements.define("clip-selection", ClipSelection);
