/** <clip-grid>: a list that htmx lengthens while one scrolls. Whoever comes back to it by the
 * back button finds as many pages as before, at the place where they left. */
const MOST_PAGES = 12;

class ClipGrid extends HTMLElement {
  connectedCallback() {
    this.list = this.querySelector("ul, ol");
    this.pages = 0;
    this.addEventListener("htmx:beforeSwap", (event) => this.noteFocus(event));
    this.addEventListener("htmx:afterSwap", () => this.added());
    addEventListener("pagehide", this.leave);
    const kept = history.state?.grid;
    if (kept?.pages) this.restore(kept);
  }

  disconnectedCallback() {
    removeEventListener("pagehide", this.leave);
  }

  leave = () => {
    const grid = { pages: Math.min(this.pages, MOST_PAGES), y: scrollY };
    history.replaceState({ ...history.state, grid }, "");
  };

  get more() {
    return this.list.querySelector(":scope > .video-grid__more a");
  }

  noteFocus() {
    // Only who pressed the link by keyboard is led on to the first new card.
    this.focusAfter = this.more?.matches(":focus-visible") ? this.list.children.length - 1 : null;
  }

  added() {
    this.pages += 1;
    if (this.focusAfter !== null) {
      this.list.children[this.focusAfter]?.querySelector("h3 a")?.focus();
    }
  }

  async restore({ pages, y }) {
    history.scrollRestoration = "manual";
    for (let n = 0; n < pages && this.more; n += 1) {
      const answer = await fetch(this.more.href, { headers: { "HX-Request": "true" } }).catch(
        () => null,
      );
      if (!answer?.ok) break;
      const page = document.createElement("template");
      page.innerHTML = await answer.text();
      const last = this.more.closest("li");
      last.replaceWith(page.content);
      this.pages += 1;
    }
    window.htmx?.process(this.list);
    scrollTo({ top: y, behavior: "instant" });
    history.scrollRestoration = "auto";
  }
}

customElements.define("clip-grid", ClipGrid);
