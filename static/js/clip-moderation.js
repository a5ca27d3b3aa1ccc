/** <clip-moderation>: the menu of moderators on a video's page, by htmx. It closes once something is
    done, so that the toast with its undo button can be seen. */
class ClipModeration extends HTMLElement {
  connectedCallback() {
    this.addEventListener("htmx:beforeSwap", ({ detail }) => {
      // The form comes back with the reason why it was refused.
      if (detail.xhr.status !== 422) return;
      detail.shouldSwap = true;
      detail.isError = false;
    });
    this.addEventListener("htmx:afterRequest", ({ detail }) => {
      const { verb } = detail.requestConfig;
      // On a phone the sheet would cover the toast of an error, too.
      if (verb === "post" && detail.xhr.status !== 422) this.close();
    });
    // htmx listens from DOMContentLoaded on: somebody may have opened the menu before.
    document.addEventListener("DOMContentLoaded", () => {
      if (!this.matches(":popover-open")) return;
      window.htmx.trigger(this.querySelector("#moderation"), "opened", {});
    });
    // "Something else" needs words: they are asked for before it is sent.
    this.addEventListener("click", (event) => this.askForWords(event));
  }

  /** The button that was pressed is gone, so the focus is moved by hand. */
  close() {
    this.hidePopover();
    const button = /** @type {HTMLElement} */ (
      document.querySelector(`[popovertarget="${this.id}"]`)
    );
    button.focus();
  }

  /** @param {any} event */
  askForWords(event) {
    const button = event.target.closest?.("button[name=reason][value=OTHER]");
    const text = button?.form.elements.text;
    if (!text || text.value.trim()) return;
    event.preventDefault();
    text.focus();
  }
}

customElements.define("clip-moderation", ClipModeration);
