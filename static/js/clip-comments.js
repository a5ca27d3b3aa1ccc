/** <clip-comments>: comments that are written, changed and deleted in their place (by htmx). All of it
    works without this file by pages of its own. */

class ClipComments extends HTMLElement {
  connectedCallback() {
    this.addEventListener("click", (event) => this.press(event));
    this.addEventListener("keydown", (event) => this.type(event));
    this.addEventListener("focusin", (event) => this.offerMoment(event.target));
    this.addEventListener("htmx:beforeSwap", (event) => this.takeRefusal(event));
    this.addEventListener("htmx:beforeOnLoad", (event) => this.stay(event));
    this.addEventListener("htmx:afterSwap", () => this.showOnce());
  }

  get video() {
    return document.querySelector("clip-player video");
  }

  press(event) {
    const cancel = event.target.closest("[data-cancel]");
    const now = event.target.closest("[data-now]");
    if (cancel && this.close(cancel.closest("form"))) event.preventDefault();
    if (now) this.addMoment(now.closest("form"));
  }

  type(event) {
    const form = event.target.closest("form.composer");
    if (!form) return;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
    if (event.key === "Escape" && this.close(form)) event.stopPropagation();
  }

  /** Puts away a form that came into a page; false where it is what the page is for. */
  close(form) {
    const slot = form.parentElement;
    const opener = document.querySelector(`[hx-target="#${slot.id}"]`);
    if (!slot.id || !opener) return false;
    slot.replaceChildren();
    (this.opener?.isConnected ? this.opener : opener).focus();
    return true;
  }

  offerMoment(target) {
    if (target.matches?.("[hx-get]")) this.opener = target;
    const button = target.closest?.("form.composer")?.querySelector("[data-now]");
    if (button && this.video) button.hidden = false;
  }

  async addMoment(form) {
    const { clock } = await import("./units.js"); // of use only beside a player
    const text = form.elements.text;
    const before = text.value.slice(0, text.selectionStart);
    const gap = before && !/\s$/.test(before) ? " " : "";
    text.setRangeText(
      `${gap}${clock(this.video.currentTime)} `,
      text.selectionStart,
      text.selectionEnd,
      "end",
    );
    text.focus();
  }

  /** What was typed comes back with the reason why it is not taken. */
  takeRefusal(event) {
    if (![422, 429].includes(event.detail.xhr.status)) return;
    event.detail.shouldSwap = true;
    event.detail.isError = false;
  }

  /** Nobody is led away to the log-in from what they typed. */
  stay(event) {
    const { xhr } = event.detail;
    if (xhr.status !== 401) return;
    event.preventDefault();
    const login = xhr.getResponseHeader("HX-Redirect");
    import("./logged_out.js").then(({ sayLoggedOut }) => sayLoggedOut(login));
  }

  /** A page of older ones may bring what stands here already: a reply that was written just now and
      a thread on top that the address named. */
  showOnce() {
    const shown = new Map();
    for (const comment of this.querySelectorAll("article[id]")) {
      const before = shown.get(comment.id);
      if (!before) shown.set(comment.id, comment);
      else this.join(before.closest("li"), comment.closest("li"));
    }
  }

  join(first, second) {
    // Replies: the later one was written here, and belongs where the site has it.
    if (second.parentElement.matches(".replies")) first.replaceWith(second);
    else second.remove();
  }
}

customElements.define("clip-comments", ClipComments);
