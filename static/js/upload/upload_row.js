/** One film of the batch: what is known of it, and its row. */
import { clock, duration, fileSize } from "../units.js";
import { preview } from "./preview.js";

const OUT = {
  out: "You were logged out. Log in again in another tab; it goes on by itself then.",
  other: "Somebody else is logged in here now. Log in as yourself again; it goes on then.",
};

/** What a row says in each state. A state's own sentence goes before it. */
const WORDS = {
  chosen: () => "",
  waiting: (film) => `${film.sent ? `${film.percent} % has arrived. ` : ""}Waiting for its turn`,
  sending: (film) => (film.sent < film.size ? sendingWords(film) : "Sent, one moment"),
  paused: (film) => (film.sent ? `Paused at ${film.percent} %` : "Paused"),
  offline: () => "No network. It goes on by itself once that is back.",
  retrying: () => "The connection was lost. Trying again.",
  login: (film) => OUT[film.said] ?? OUT.out,
  failed: () => "Not sent",
  made: () => "Sent. Waiting to be processed",
  making: (film) => film.said || "Being processed",
  ready: () => "Ready to watch",
  broken: () => "It could not be processed",
  removed: () => "Removed",
};
const SAY_THEMSELVES = new Set(["retrying", "making"]);
const LIVE = new Set(["waiting", "sending", "paused", "offline", "retrying", "login"]);

function sendingWords({ speed, secondsLeft }) {
  if (!speed) return "Sending";
  return `${fileSize(Math.round(speed))} a second, ${duration(secondsLeft)} left`;
}

export class Film {
  constructor({ file, title, onAction }) {
    Object.assign(this, { file, title, onAction });
    this.name = file.name;
    this.size = file.size;
    this.state = "chosen";
    this.said = this.problem = this.description = this.video = "";
    this.sent = this.speed = this.secondsLeft = 0;
    this.build();
  }

  get percent() {
    return this.size ? Math.floor((100 * this.sent) / this.size) : 0;
  }

  /** Begun and not yet sent, nor given up. */
  get isUnderWay() {
    return LIVE.has(this.state);
  }

  get isSent() {
    return ["made", "making", "ready", "broken"].includes(this.state);
  }

  // -- The row ----------------------------------------------------------------------------------
  build() {
    const template = document.getElementById("film_row");
    this.row = template.content.firstElementChild.cloneNode(true);
    this.row.film = this;
    this.piece = (name) => this.row.querySelector(`[data-${name}]`);
    this.titleField = this.piece("title");
    this.titleField.value = this.title;
    this.titleField.addEventListener("input", () => {
      this.title = this.titleField.value;
      this.isNamed = true;
      this.onAction(this, "title");
    });
    this.titleField.addEventListener("keydown", (event) => {
      if (event.key === "Enter") event.preventDefault(); // not yet the moment to send
    });
    this.piece("description").addEventListener("input", (event) => {
      this.description = event.target.value;
    });
    this.row.addEventListener("click", (event) => {
      const action = event.target.closest("button")?.dataset.action;
      if (action) this.onAction(this, action);
    });
    this.piece("name").textContent = this.name;
    this.piece("size").textContent = fileSize(this.size);
    this.look();
    this.render();
  }

  async look() {
    const length = this.piece("duration");
    if (!this.size) return;
    try {
      const seconds = await preview(this.file, this.piece("frame"));
      this.piece("frame").hidden = false;
      this.piece("none").hidden = true;
      if (seconds === null) return;
      length.textContent = clock(seconds);
      length.hidden = false;
    } catch {
      // Browsers can't show every kind that the site takes; the icon stands then.
    }
  }

  setTitle(title) {
    this.title = this.titleField.value = title;
    this.render();
  }

  become(state, said = "") {
    this.state = state;
    this.said = said;
    this.render();
  }

  render() {
    const { row, state } = this;
    const held = row.contains(document.activeElement) ? document.activeElement : null;
    row.dataset.state = state;
    row.toggleAttribute("data-unfit", Boolean(this.problem));
    for (const piece of row.querySelectorAll("[data-when]")) {
      piece.hidden = !piece.dataset.when.split(" ").includes(state);
    }
    const own = SAY_THEMSELVES.has(state) && this.said;
    this.write("words", own || WORDS[state](this));
    this.write("heading", this.title);
    this.showProblem();
    this.showRing();
    this.showLinks();
    this.label();
    if (held && !held.checkVisibility()) this.focus();
  }

  write(piece, text) {
    const element = this.piece(piece);
    if (element.textContent !== text) element.textContent = text;
  }

  showProblem() {
    const problem = this.piece("problem");
    problem.hidden = !this.problem;
    problem.querySelector("span").textContent = this.problem;
    const isOfTitle = Boolean(this.problem) && !this.title.trim();
    this.titleField.ariaInvalid = isOfTitle ? "true" : null;
  }

  showRing() {
    const ring = this.piece("ring");
    const isMoving = this.isUnderWay && this.state !== "waiting";
    ring.hidden = !isMoving || (!this.sent && this.state !== "sending");
    ring.style.setProperty("--sent", `${this.percent}%`);
    ring.setAttribute("aria-valuenow", this.percent);
    this.write("percent", `${this.percent} %`);
  }

  showLinks() {
    if (this.video) {
      this.piece("watch").href = this.video;
      this.write("watch", this.state === "broken" ? "See why" : "Watch");
      this.piece("edit").href = `${this.video}edit/`;
    }
    const twin = this.piece("twin");
    twin.hidden = !this.duplicate || !this.isSent;
    if (!this.duplicate) return;
    const first = this.piece("first");
    first.href = this.duplicate.url;
    first.textContent = this.duplicate.title || "the first one";
  }

  /** Every button says of which film it is. */
  label() {
    const name = this.title || this.name;
    if (name === this.labelled) return;
    this.labelled = name;
    this.titleField.setAttribute("aria-label", `Title of ${this.name}`);
    this.piece("description").setAttribute("aria-label", `Description of ${name}`);
    this.piece("ring").setAttribute("aria-label", `Sent of ${name}`);
    for (const button of this.row.querySelectorAll("[data-verb]")) {
      button.setAttribute("aria-label", `${button.dataset.verb} ${name}`);
    }
  }

  focus() {
    const buttons = [...this.row.querySelectorAll("button, a")];
    (buttons.find((it) => it.checkVisibility() && !it.disabled) ?? this.row).focus();
  }
}
