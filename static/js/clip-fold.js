/** <clip-fold>: folds a long text after three lines. */
class ClipFold extends HTMLElement {
  connectedCallback() {
    this.text = this.firstElementChild;
    this.button = this.querySelector("button");
    this.dataset.folded = "";
    if (this.text.scrollHeight <= this.text.clientHeight + 4) {
      delete this.dataset.folded;
      return;
    }
    this.button.hidden = false;
    this.button.addEventListener("click", () => this.turn());
    // A link that gets the focus by keyboard must not stay out of sight.
    this.text.addEventListener("focusin", () => this.turn(false));
  }

  turn(fold = !("folded" in this.dataset)) {
    this.toggleAttribute("data-folded", fold);
    this.button.setAttribute("aria-expanded", String(!fold));
    this.button.textContent = fold ? "Show more" : "Show less";
  }
}

customElements.define("clip-fold", ClipFold);
