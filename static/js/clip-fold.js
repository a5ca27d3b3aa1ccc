/** <clip-fold>: a text that the style sheet folds after three lines; the button is for what has more,
    which depends on how wide the page is. */
class ClipFold extends HTMLElement {
  connectedCallback() {
    this.text = this.firstElementChild;
    this.button = this.querySelector("button");
    this.button.addEventListener("click", () => this.turn());
    // A link that gets the focus by keyboard must not stay out of sight.
    this.text.addEventListener("focusin", () => {
      if ("folded" in this.dataset) this.turn(false);
    });
    this.watcher = new ResizeObserver(() => this.measure());
    this.watcher.observe(this);
    this.measure();
  }

  disconnectedCallback() {
    this.watcher.disconnect();
  }

  measure() {
    if ("open" in this.dataset) return;
    const hasMore = this.text.scrollHeight > this.text.clientHeight + 4;
    this.toggleAttribute("data-folded", hasMore);
    this.button.hidden = !hasMore;
    this.dataset.measured = "";
  }

  turn(fold = "open" in this.dataset) {
    this.toggleAttribute("data-open", !fold);
    this.toggleAttribute("data-folded", fold);
    this.button.setAttribute("aria-expanded", String(!fold));
    this.button.textContent = fold ? "Show more" : "Show less";
  }
}

customElements.define("clip-fold", ClipFold);
