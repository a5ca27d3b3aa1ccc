/** <clip-password>: a button that shows the typed password. */
export class ClipPassword extends HTMLElement {
  connectedCallback() {
    const input = this.querySelector("input");
    const button = this.querySelector("button");
    button.hidden = false;
    button.addEventListener("click", () => {
      const isShown = input.type === "password";
      input.type = isShown ? "text" : "password";
      button.setAttribute("aria-pressed", String(isShown));
      input.focus();
    });
    // A browser offers to store only what is in a password field when the form is submitted.
    input.form?.addEventListener("submit", () => {
      input.type = "password";
    });
  }
}

customElements.define("clip-password", ClipPassword);
