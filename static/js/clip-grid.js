/** <clip-grid>: a list to which htmx adds pages while the reader scrolls. A reader who comes back by
    the Back button finds the same number of pages, at the same scroll position. */
const MAX_PAGES = 12;

export class ClipGrid extends HTMLElement {
  /** @type {HTMLElement} */
  list;
  pages = 0; // how many were added
  /** @type {number | null} */
  focusIndex = null; // the card that gets the focus once it is there

  connectedCallback() {
    this.list = this.querySelector("ul, ol");
    this.pages = 0;
    this.addEventListener("htmx:beforeSwap", () => this.noteFocus());
    this.addEventListener("htmx:afterSwap", () => this.pageAdded());
    addEventListener("pagehide", this.saveState);
    const saved = history.state?.grid;
    if (saved?.pages) this.restore(saved);
  }

  disconnectedCallback() {
    removeEventListener("pagehide", this.saveState);
  }

  saveState = () => {
    const grid = { pages: Math.min(this.pages, MAX_PAGES), y: scrollY };
    history.replaceState({ ...history.state, grid }, "");
  };

  get nextLink() {
    return this.list.querySelector(":scope > .video-grid__more a");
  }

  noteFocus() {
    // The focus moves to the first new card only when the link was pressed by keyboard.
    const isByKeyboard = this.nextLink?.matches(":focus-visible");
    this.focusIndex = isByKeyboard ? this.list.children.length - 1 : null;
  }

  pageAdded() {
    this.pages += 1;
    if (this.focusIndex !== null) {
      this.list.children[this.focusIndex]?.querySelector("h3 a")?.focus();
    }
  }

  /** @param {{ pages: number, y: number }} saved `y`: the scroll position, in pixels */
  async restore({ pages, y }) {
    history.scrollRestoration = "manual";
    for (let n = 0; n < pages && this.nextLink; n += 1) {
      const response = await fetch(this.nextLink.href, {
        headers: { "HX-Request": "true" },
      }).catch(() => null);
      if (!response?.ok) break;
      const page = document.createElement("template");
      page.innerHTML = await response.text();
      this.nextLink.closest("li").replaceWith(page.content);
      this.pages += 1;
    }
    window.htmx?.process(this.list);
    scrollTo({ top: y, behavior: "instant" });
    history.scrollRestoration = "auto";
  }
}

customElements.define("clip-grid", ClipGrid);
