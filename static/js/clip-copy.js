/** Copies the text of a field. @param {HTMLInputElement} input */
export async function copyFrom(input) {
  try {
    await navigator.clipboard.writeText(input.value);
  } catch {
    // navigator.clipboard exists on secure connections only.
    input.select();
    document.execCommand("copy");
  }
}

/** <clip-copy>: a button that copies the field beside it, and one that shares it with other apps
    where the system can. */
class ClipCopy extends HTMLElement {
  /** @type {HTMLInputElement} */
  input;
  /** @type {HTMLElement} */
  label;
  /** @type {HTMLElement} */
  status;
  /** @type {number | undefined} */
  timer;

  connectedCallback() {
    this.input = this.querySelector("input");
    this.status = this.querySelector("[role=status]");
    const button = this.querySelector("[data-copy]");
    this.label = button.querySelector("span");
    button.hidden = false;
    button.addEventListener("click", () => this.copy());
    const share = this.querySelector("[data-share]");
    if (share && "share" in navigator) {
      share.hidden = false;
      share.addEventListener("click", () => this.share(share.dataset.share));
    }
    this.input.addEventListener("focus", () => this.input.select());
    // The field may have got the focus before this script ran.
    if (document.activeElement === this.input) this.input.select();
  }

  async copy() {
    await copyFrom(this.input);
    this.label.textContent = this.status.textContent = "Copied";
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.label.textContent = "Copy link";
      this.status.textContent = "";
    }, 2000);
  }

  /** @param {string} title */
  async share(title) {
    try {
      await navigator.share({ title, url: this.input.value });
    } catch {
      // The member closed the dialog, or no app takes links: the field is still there.
    }
  }
}

customElements.define("clip-copy", ClipCopy);
