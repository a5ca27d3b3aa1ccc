/** <clip-chips>: a row that scrolls sideways shows the chosen one, and fades where it goes on. */
class ClipChips extends HTMLElement {
  connectedCallback() {
    this.row = this.firstElementChild;
    const chosen = this.row.querySelector("[aria-current]")?.getBoundingClientRect();
    const box = this.row.getBoundingClientRect();
    // The row alone: `scrollIntoView` may move the page, too.
    if (chosen) {
      this.row.scrollLeft += (chosen.left + chosen.right) / 2 - (box.left + box.right) / 2;
    }
    this.row.addEventListener("scroll", () => this.fade(), { passive: true });
    this.watcher = new ResizeObserver(() => this.fade());
    this.watcher.observe(this.row);
  }

  disconnectedCallback() {
    this.watcher.disconnect();
  }

  fade() {
    const { scrollLeft, scrollWidth, clientWidth } = this.row;
    this.row.toggleAttribute("data-goes-back", scrollLeft > 1);
    this.row.toggleAttribute("data-goes-on", scrollLeft + clientWidth < scrollWidth - 1);
  }
}

customElements.define("clip-chips", ClipChips);
