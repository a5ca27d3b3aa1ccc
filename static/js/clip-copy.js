export async function copyFrom(input) {
  try {
    await navigator.clipboard.writeText(input.value);
  } catch {
    // Without a secure connection there is only the old way.
    input.select();
    document.execCommand("copy");
  }
}

/** <clip-copy>: a button that copies the field beside it. */
class ClipCopy extends HTMLElement {
  connectedCallback() {
    this.input = this.querySelector("input");
    this.button = this.querySelector("button");
    this.label = this.button.querySelector("span");
    this.button.hidden = false;
    this.button.addEventListener("click", () => this.copy());
    this.input.addEventListener("focus", () => this.input.select());
    if (document.activeElement === this.input) this.input.select(); // before this was there
  }

  async copy() {
    await copyFrom(this.input);
    this.label.textContent = "Copied";
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.label.textContent = "Copy";
    }, 2000);
  }
}

customElements.define("clip-copy", ClipCopy);
