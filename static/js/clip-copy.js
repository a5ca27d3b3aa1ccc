export async function copyFrom(input) {
  try {
    await navigator.clipboard.writeText(input.value);
  } catch {
    // Without a secure connection there is only the old way.
    input.select();
    document.execCommand("copy");
  }
}

/** <clip-copy>: a button that copies the field beside it, and one that hands it to other apps where
    the system can. */
class ClipCopy extends HTMLElement {
  connectedCallback() {
    this.input = this.querySelector("input");
    this.button = this.querySelector("[data-copy]");
    this.status = this.querySelector("[role=status]");
    this.label = this.button.querySelector("span");
    this.button.hidden = false;
    this.button.addEventListener("click", () => this.copy());
    const share = this.querySelector("[data-share]");
    if (share && navigator.share) {
      share.hidden = false;
      share.addEventListener("click", () => this.share(share.dataset.share));
    }
    this.input.addEventListener("focus", () => this.input.select());
    if (document.activeElement === this.input) this.input.select(); // before this was there
  }

  async copy() {
    await copyFrom(this.input);
    this.label.textContent = this.status.textContent = "Copied";
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.label.textContent = "Copy";
      this.status.textContent = "";
    }, 2000);
  }

  async share(title) {
    try {
      await navigator.share({ title, url: this.input.value });
    } catch {
      // Closed again, or no app takes it: the field is there still.
    }
  }
}

customElements.define("clip-copy", ClipCopy);
