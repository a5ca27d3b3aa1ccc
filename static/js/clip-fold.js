/** <clip-fold>: a text that the style sheet cuts off after three lines, with a button for the rest.
    Whether a text is longer depends on the width of the page. */
class ClipFold extends HTMLElement {
  /** @type {HTMLElement} */
  text;
  /** @type {HTMLButtonElement} */
  button;
  resizeObserver = new ResizeObserver(() => this.measure());

  connectedCallback() {
    this.text = this.querySelector(":scope > *");
    this.button = this.querySelector("button");
    this.button.addEventListener("click", () => this.toggle());
    // A link that gets the focus by keyboard must be visible.
    this.text.addEventListener("focusin", () => {
      if ("folded" in this.dataset) this.toggle(false);
    });
    this.resizeObserver.observe(this);
    this.measure();
  }

  disconnectedCallback() {
    this.resizeObserver.disconnect();
  }

  measure() {
    if ("open" in this.dataset) return;
    const hasMore = this.text.scrollHeight > this.text.clientHeight + 4;
    this.toggleAttribute("data-folded", hasMore);
    this.button.hidden = !hasMore;
    this.dataset.measured = "";
  }

  toggle(fold = "open" in this.dataset) {
    this.toggleAttribute("data-open", !fold);
    this.toggleAttribute("data-folded", fold);
    this.button.setAttribute("aria-expanded", String(!fold));
    this.button.textContent = fold ? "Show more" : "Show less";
  }
}

customElements.define("clip-fold", ClipFold);
