/** <clip-comments>: comments that are written, edited and deleted in place, by htmx. Without it each
    of these has a page of its own. */

class ClipComments extends HTMLElement {
  /** @type {HTMLElement | undefined} */
  opener; // the link that opened a form, which gets the focus back

  connectedCallback() {
    this.addEventListener("click", (event) => this.handleClick(event));
    this.addEventListener("keydown", (event) => this.handleKey(event));
    this.addEventListener("focusin", (event) => this.offerTimestamp(event.target));
    this.addEventListener("htmx:beforeSwap", (event) => this.showRefusal(event.detail));
    this.addEventListener("htmx:beforeOnLoad", (event) => this.stayOnPage(event));
    this.addEventListener("htmx:afterSwap", () => this.removeDuplicates());
  }

  /** @returns {HTMLVideoElement | null} */
  get video() {
    return document.querySelector("clip-player video");
  }

  /** @param {MouseEvent & { target: any }} event */
  handleClick(event) {
    const cancel = event.target.closest("[data-cancel]");
    const now = event.target.closest("[data-now]");
    if (cancel && this.close(cancel.closest("form"))) event.preventDefault();
    if (now) this.addTimestamp(now.closest("form"));
  }

  /** @param {KeyboardEvent & { target: any }} event */
  handleKey(event) {
    const form = event.target.closest("form.composer");
    if (!form) return;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
    if (event.key === "Escape" && this.close(form)) event.stopPropagation();
  }

  /** Closes a form that htmx put into the page. Returns false for the form of a page of its own.
      @param {HTMLFormElement} form */
  close(form) {
    const slot = /** @type {HTMLElement} */ (form.parentElement);
    const opener = document.querySelector(`[hx-target="#${slot.id}"]`);
    if (!slot.id || !opener) return false;
    slot.replaceChildren();
    (this.opener?.isConnected ? this.opener : opener).focus();
    return true;
  }

  /** Shows the button that inserts the current time, where there is a player.
      @param {any} target what got the focus */
  offerTimestamp(target) {
    if (target.matches?.("[hx-get]")) this.opener = target;
    const button = target.closest?.("form.composer")?.querySelector("[data-now]");
    if (button && this.video) button.hidden = false;
  }

  /** Inserts the current time at the cursor. @param {any} form */
  async addTimestamp(form) {
    const { clock } = await import("./units.js"); // of use only beside a player
    const text = /** @type {HTMLTextAreaElement} */ (form.elements.text);
    const before = text.value.slice(0, text.selectionStart);
    const gap = before && !/\s$/.test(before) ? " " : "";
    const timestamp = `${gap}${clock(this.video?.currentTime ?? 0)} `;
    text.setRangeText(timestamp, text.selectionStart, text.selectionEnd, "end");
    text.focus();
  }

  /** Lets htmx swap in a refused form, which has the text and the reason.
      @param {{ xhr: XMLHttpRequest, shouldSwap: boolean, isError: boolean }} detail */
  showRefusal(detail) {
    if (![422, 429].includes(detail.xhr.status)) return;
    detail.shouldSwap = true;
    detail.isError = false;
  }

  /** Offers the log-in in a new tab, so that the typed text is kept.
      @param {CustomEvent<{ xhr: XMLHttpRequest }>} event */
  stayOnPage(event) {
    const { xhr } = event.detail;
    if (xhr.status !== 401) return;
    event.preventDefault();
    const login = xhr.getResponseHeader("HX-Redirect") ?? "";
    import("./logged_out.js").then(({ showLoggedOut }) => showLoggedOut(login));
  }

  /** Removes comments that a page of older ones brought twice: a reply that was just written, and a
      thread at the top that the address named. */
  removeDuplicates() {
    const shown = new Map();
    for (const comment of this.querySelectorAll("article[id]")) {
      const first = shown.get(comment.id);
      if (!first) shown.set(comment.id, comment);
      else this.merge(first.closest("li"), comment.closest("li"));
    }
  }

  /** @param {HTMLElement} first @param {HTMLElement} second */
  merge(first, second) {
    // The second place of a reply is its place in the site's order.
    if (second.parentElement?.matches(".replies")) first.replaceWith(second);
    else second.remove();
  }
}

customElements.define("clip-comments", ClipComments);
