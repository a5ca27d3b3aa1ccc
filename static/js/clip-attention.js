/** <clip-attention>: the list of what needs attention. Acts work without it; it adds keyboard shortcuts,
    moves the focus on after an act, and keeps what htmx loads every minute from moving a row that
    somebody is about to press. */
const QUIET_AFTER = 10_000; // milliseconds since the last touch
const OPEN_ROW = "[data-row]:not([data-done])";
/** @type {Record<number, string>} */
const MESSAGES = {
  0: "Couldn't connect. Try again in a moment.",
  403: "Your session or your rights have changed. Reload the page and try again.",
  503: "The site is busy. Try again in a moment.",
};
const BROKEN = "Something went wrong. Reload the page and try again.";

/** @param {string} html */
const parse = (html) => new DOMParser().parseFromString(html, "text/html");

/** @param {ParentNode} list */
const keysOf = (list) => [...list.querySelectorAll(OPEN_ROW)].map((row) => row.id).join();

class ClipAttention extends HTMLElement {
  /** Whether the next list is to be shown, whatever somebody does meanwhile. */
  isWanted = false;
  touchedAt = 0;
  /** What gets the focus after an act. @type {HTMLElement | null} */
  next = null;

  connectedCallback() {
    this.querySelector("[data-tools]").hidden = false;
    this.querySelector("[data-update]").addEventListener("click", () => this.update());
    document.getElementById("attention-total").textContent = this.dataset.total;
    this.makeCurrent(this.rows[0]);
    this.addEventListener("focusin", this.follow);
    this.addEventListener("pointerdown", this.touch);
    this.addEventListener("htmx:beforeRequest", this.skipWhenHidden);
    this.addEventListener("htmx:beforeSwap", this.beforeSwap);
    this.addEventListener("htmx:afterSwap", this.afterSwap);
    this.addEventListener("htmx:responseError", this.showError);
    this.addEventListener("htmx:sendError", this.showError);
    document.addEventListener("keydown", this.press);
    document.addEventListener("pointerdown", this.closeMenus);
  }

  disconnectedCallback() {
    document.removeEventListener("keydown", this.press);
    document.removeEventListener("pointerdown", this.closeMenus);
  }

  /** @returns {HTMLElement[]} the rows that are still open */
  get rows() {
    return [...this.querySelectorAll(OPEN_ROW)];
  }

  /** @returns {HTMLElement | undefined} */
  get current() {
    return this.rows.find((row) => row.tabIndex === 0);
  }

  // -- the list that htmx loads every minute --

  get isBusy() {
    return (
      this.contains(document.activeElement) ||
      this.matches(":hover") ||
      this.querySelector("details[open], [popover]:popover-open") !== null ||
      Date.now() - this.touchedAt < QUIET_AFTER
    );
  }

  update() {
    this.isWanted = true;
    this.dispatchEvent(new Event("refresh"));
  }

  /** @param {Event} event */
  skipWhenHidden = (event) => {
    if (event.target === this && document.hidden) event.preventDefault();
  };

  /** @param {any} event */
  beforeSwap = (event) => {
    const { detail } = event;
    const response = parse(detail.xhr.responseText);
    if (event.target === this) this.beforeList(event, response);
    else if (detail.xhr.status === 200 || detail.xhr.status === 422) {
      // A log-in form in place of a row: the session has ended.
      if (!response.querySelector("[data-row]")) return void location.reload();
      this.next = detail.xhr.status === 422 ? null : this.rowAfter(event.target);
      detail.shouldSwap = true;
      detail.isError = false;
    }
  };

  /** @param {any} event @param {Document} response */
  beforeList(event, response) {
    const list = response.querySelector("clip-attention");
    if (!list) return void location.reload();
    if (this.isWanted || !this.isBusy) return;
    event.detail.shouldSwap = false;
    this.querySelector("[data-changed]").hidden = keysOf(list) === keysOf(this);
  }

  /** @param {any} event */
  afterSwap = (event) => {
    const swapped = event.target;
    if (!swapped.matches("[data-row]")) return;
    if (swapped.matches(OPEN_ROW)) this.next = swapped;
    this.focusOn(this.next);
  };

  /** The open row that follows, else the one before. @param {HTMLElement} row */
  rowAfter(row) {
    const others = this.rows.filter((other) => other !== row);
    const isBehind = (/** @type {HTMLElement} */ other) =>
      row.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_FOLLOWING;
    return others.find(isBehind) ?? others.at(-1) ?? null;
  }

  /** @param {any} event */
  showError = (event) => {
    const message = event.target.closest("[data-row]")?.querySelector("[data-reason]");
    if (!message) return;
    message.textContent = MESSAGES[event.detail.xhr.status] ?? BROKEN;
    message.hidden = false;
  };

  // -- the focus --

  /** @param {HTMLElement | null} row */
  focusOn(row) {
    const target = row ?? document.getElementById("attention-title");
    this.makeCurrent(row ?? this.rows[0]);
    target.focus({ preventScroll: row === null });
  }

  /** Makes one row the only one that Tab stops at. @param {HTMLElement | undefined} current */
  makeCurrent(current) {
    for (const row of this.rows) row.tabIndex = row === current ? 0 : -1;
  }

  /** @param {any} event */
  follow = (event) => {
    const row = event.target.closest(OPEN_ROW);
    if (row) this.makeCurrent(row);
  };

  touch = () => {
    this.touchedAt = Date.now();
  };

  // -- menus and keyboard shortcuts --

  /** @param {any} event a press of the pointer anywhere */
  closeMenus = (event) => {
    for (const menu of this.querySelectorAll("details[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  };

  /** @param {any} event a KeyboardEvent anywhere on the page */
  press = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.target.closest("input, textarea, select, [contenteditable], [popover]")) return;
    const menu = event.target.closest("details[open]");
    const action = (menu && this.menuActionOf(menu, event.key)) || this.actionOf(event);
    if (!action) return;
    event.preventDefault();
    action();
  };

  /** @param {HTMLDetailsElement} menu @param {string} key */
  menuActionOf(menu, key) {
    const items = [...menu.querySelectorAll("summary, a, button")];
    const at = items.indexOf(document.activeElement);
    /** @type {Record<string, number>} */
    const moves = { ArrowDown: 1, ArrowUp: -1 };
    if (key in moves) return () => items.at((at + moves[key]) % items.length).focus();
    if (key !== "Escape") return undefined;
    return () => {
      menu.open = false;
      menu.querySelector("summary").focus();
    };
  }

  /** @param {any} event @returns {(() => void) | undefined} */
  actionOf({ key, target }) {
    const isOnRow = target.matches?.(OPEN_ROW) && this.contains(target);
    switch (key.length === 1 ? key.toLowerCase() : key) {
      case "j":
        return () => this.move(1);
      case "k":
        return () => this.move(-1);
      case "ArrowDown":
        return isOnRow ? () => this.move(1) : undefined;
      case "ArrowUp":
        return isOnRow ? () => this.move(-1) : undefined;
      case "Enter":
        return isOnRow ? () => this.pressLikely(target) : undefined;
      case "m":
      case ".":
        return () => this.openMenu();
      case "n":
        return () => this.putAway();
      case "u":
        return () => [...this.querySelectorAll("[data-undo]")].at(-1)?.click();
      case "r":
        return () => this.update();
      case "?":
        return () => document.getElementById("attention-shortcuts").togglePopover();
      default:
        return undefined;
    }
  }

  /** @param {number} by */
  move(by) {
    const { rows, current } = this;
    // The first press goes to the row that Tab would go to.
    const isInside = this.contains(document.activeElement);
    const at = current ? rows.indexOf(current) : 0;
    const row = rows[isInside ? Math.min(rows.length - 1, Math.max(0, at + by)) : at];
    if (row) this.focusOn(row);
  }

  /** Presses the row's button. One that destroys something only gets the focus.
      @param {HTMLElement} row */
  pressLikely(row) {
    const button = row.querySelector("[data-likely]");
    if (button.matches("[data-destructive]")) button.focus();
    else button.click();
  }

  putAway() {
    /** @type {HTMLElement} */ (this.current?.querySelector("[data-not-now]"))?.click();
  }

  openMenu() {
    const menu = this.current?.querySelector("details");
    if (!menu) return;
    menu.open = !menu.open;
    menu.querySelector(menu.open ? ".attention__item" : "summary").focus();
  }
}

customElements.define("clip-attention", ClipAttention);
