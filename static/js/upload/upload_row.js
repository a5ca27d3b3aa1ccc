/** One video of the batch: what is known of it, and its row on the page. */
import { clock, duration, fileSize } from "../units.js";

/** @type {Record<string, string>} */
const LOGGED_OUT = {
  out: "You were logged out. Log in again in another tab and the upload will continue.",
  other: "Someone else is logged in. Log back in as yourself to continue.",
};

/** What a row says in each state. @type {Record<string, (row: UploadRow) => string>} */
const MESSAGES = {
  chosen: () => "",
  waiting: (row) => (row.sent ? `${row.percent}% uploaded. Waiting` : "Waiting"),
  sending: (row) => (row.sent < row.size ? rateOf(row) : "Finishing…"),
  paused: (row) => (row.sent ? `Paused at ${row.percent}%` : "Paused"),
  offline: () => "You're offline. The upload will resume when you reconnect.",
  retrying: (row) => row.detail || "Connection lost. Retrying…",
  login: (row) => LOGGED_OUT[row.detail] ?? LOGGED_OUT.out,
  failed: () => "Upload failed",
  made: () => "Uploaded. Processing will start shortly.",
  processing: (row) => row.detail || "Processing",
  ready: () => "Ready to watch",
  broken: () => "Processing failed",
  removed: () => "Removed",
};
const UNDER_WAY = ["waiting", "sending", "paused", "offline", "retrying", "login"];
const SENT = ["made", "processing", "ready", "broken"];

/** @param {{ speed: number, secondsLeft: number }} row */
function rateOf({ speed, secondsLeft }) {
  if (!speed) return "Uploading";
  return `${fileSize(Math.round(speed))}/s, ${duration(secondsLeft)} left`;
}

export class UploadRow {
  state = "chosen";
  detail = ""; // more about the state
  problem = ""; // why it cannot be uploaded, or was not
  description = "";
  isNamed = false; // by hand
  sent = 0; // bytes
  speed = 0; // bytes per second
  secondsLeft = 0;
  labelled = ""; // the title in the buttons' labels
  video = ""; // its address
  /** @type {{ url: string, title: string } | null} */
  duplicate = null; // a video of the same file
  /** @type {TusUpload | null} */
  transfer = null;

  /** @param {File} file @param {string} title @param {UploadActions} actions */
  constructor(file, title, actions) {
    this.file = file;
    this.title = title;
    this.name = file.name;
    this.size = file.size;
    const template = document.getElementById("upload_row");
    this.element = template.content.firstElementChild.cloneNode(true);
    this.element.uploadRow = this;
    this.titleField = this.piece("title");
    this.listen(actions);
    this.titleField.value = this.title;
    this.piece("name").textContent = this.name;
    this.piece("size").textContent = fileSize(this.size);
    this.showPreview();
    this.render();
  }

  /** @param {string} name */
  piece(name) {
    return this.element.querySelector(`[data-${name}]`);
  }

  get percent() {
    return this.size ? Math.floor((100 * this.sent) / this.size) : 0;
  }

  get isUnderWay() {
    return UNDER_WAY.includes(this.state);
  }

  get isSent() {
    return SENT.includes(this.state);
  }

  // -- The row ------------------------------------------------------------------------------------

  /** @param {UploadActions} actions */
  listen(actions) {
    this.titleField.addEventListener("input", () => {
      this.title = this.titleField.value;
      this.isNamed = true;
      actions.title(this);
    });
    this.titleField.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
      if (event.key === "Enter") event.preventDefault(); // it would submit the form
    });
    this.piece("description").addEventListener("input", (/** @type {any} */ event) => {
      this.description = event.target.value;
    });
    this.element.addEventListener("click", (/** @type {any} */ event) => {
      const action = event.target.closest("button")?.dataset.action;
      if (action) actions[action](this);
    });
  }

  async showPreview() {
    if (!this.size) return;
    try {
      const { preview } = await import("./preview.js");
      const seconds = await preview(this.file, this.piece("frame"));
      this.piece("frame").hidden = false;
      this.piece("none").hidden = true;
      if (seconds === null) return;
      this.piece("duration").textContent = clock(seconds);
      this.piece("duration").hidden = false;
    } catch {
      // The browser cannot play every kind of file that the site takes: the icon stays.
    }
  }

  /** @param {string} title */
  setTitle(title) {
    this.title = this.titleField.value = title;
    this.render();
  }

  /** @param {string} state @param {string} [detail] */
  setState(state, detail = "") {
    this.state = state;
    this.detail = detail;
    this.render();
  }

  /** @param {number} at place among the chosen videos; -1: none of them @param {number} count */
  setMoves(at, count) {
    this.piece("up").disabled = at <= 0;
    this.piece("down").disabled = at === count - 1;
    this.piece("moves").hidden = at < 0 || count < 2;
  }

  render() {
    const { element, state } = this;
    const hadFocus = element.contains(document.activeElement);
    const focused = document.activeElement;
    element.dataset.state = state;
    element.toggleAttribute("data-unfit", Boolean(this.problem));
    for (const piece of element.querySelectorAll("[data-when]")) {
      piece.hidden = !piece.dataset.when.split(" ").includes(state);
    }
    this.write("message", MESSAGES[state](this));
    this.write("heading", this.title);
    this.showProblem();
    this.showRing();
    this.showLinks();
    this.showDuplicate();
    this.label();
    if (hadFocus && !focused?.checkVisibility()) this.focus();
  }

  /** @param {string} name @param {string} text */
  write(name, text) {
    const piece = this.piece(name);
    if (piece.textContent !== text) piece.textContent = text;
  }

  showProblem() {
    const problem = this.piece("problem");
    problem.hidden = !this.problem;
    problem.querySelector("span").textContent = this.problem;
    const isAboutTitle = Boolean(this.problem) && !this.title.trim();
    this.titleField.ariaInvalid = isAboutTitle ? "true" : null;
  }

  showRing() {
    const ring = this.piece("ring");
    const hasBegun = this.isUnderWay && this.state !== "waiting";
    ring.hidden = !hasBegun || (!this.sent && this.state !== "sending");
    ring.style.setProperty("--sent", `${this.percent}%`);
    ring.setAttribute("aria-valuenow", this.percent);
    this.write("percent", `${this.percent}%`);
  }

  showLinks() {
    if (!this.video) return;
    this.piece("watch").href = this.video;
    this.write("watch", this.state === "broken" ? "See why" : "Watch");
    this.piece("edit").href = `${this.video}edit/`;
  }

  showDuplicate() {
    const { duplicate } = this;
    this.piece("duplicate").hidden = !duplicate || !this.isSent;
    if (!duplicate) return;
    const first = this.piece("first");
    first.href = duplicate.url;
    first.textContent = duplicate.title || "the first one";
  }

  /** Adds the video's title to the label of every button. */
  label() {
    const name = this.title || this.name;
    if (name === this.labelled) return;
    this.labelled = name;
    this.titleField.setAttribute("aria-label", `Title of ${this.name}`);
    this.piece("description").setAttribute("aria-label", `Description of ${name}`);
    this.piece("ring").setAttribute("aria-label", `Upload progress for ${name}`);
    for (const button of this.element.querySelectorAll("[data-verb]")) {
      button.setAttribute("aria-label", `${button.dataset.verb} ${name}`);
    }
  }

  focus() {
    const buttons = [...this.element.querySelectorAll("button, a")];
    (buttons.find((it) => it.checkVisibility() && !it.disabled) ?? this.element).focus();
  }
}
