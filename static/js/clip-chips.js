/** <clip-chips>: scrolls a row of chips to the chosen one, and marks the ends where more follows. */
class ClipChips extends HTMLElement {
  /** @type {HTMLElement} */
  row;
  resizeObserver = new ResizeObserver(() => this.markEnds());

  connectedCallback() {
    this.row = this.querySelector(":scope > *");
    const chosen = this.row.querySelector("[aria-current]")?.getBoundingClientRect();
    const box = this.row.getBoundingClientRect();
    // `scrollIntoView` could scroll the page as well.
    if (chosen) {
      this.row.scrollLeft += (chosen.left + chosen.right) / 2 - (box.left + box.right) / 2;
    }
    this.row.addEventListener("scroll", () => this.markEnds(), { passive: true });
    this.resizeObserver.observe(this.row);
  }

  disconnectedCallback() {
    this.resizeObserver.disconnect();
  }

  markEnds() {
    const { scrollLeft, scrollWidth, clientWidth } = this.row;
    this.row.toggleAttribute("data-goes-back", scrollLeft > 1);
    this.row.toggleAttribute("data-goes-on", scrollLeft + clientWidth < scrollWidth - 1);
  }
}

customElements.define("clip-chips", ClipChips);
