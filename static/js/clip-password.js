/** <clip-password>: a button that shows what is typed. */
class ClipPassword extends HTMLElement {
  connectedCallback() {
    const input = this.querySelector("input");
    const button = this.querySelector("button");
    button.hidden = false;
    button.addEventListener("click", () => {
      const shown = input.type === "password";
      input.type = shown ? "text" : "password";
      button.setAttribute("aria-pressed", String(shown));
      input.focus();
    });
    // Browsers remember the field as a password only if it is one when the form goes.
    input.form?.addEventListener("submit", () => {
      input.type = "password";
    });
  }
}

customElements.define("clip-password", ClipPassword);
