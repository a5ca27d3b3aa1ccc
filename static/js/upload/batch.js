/** The films of this page in their order: what is wrong with them, and sending them in turn. */
import { duration, fileSize } from "../units.js";
import { isSame, numbered, problemWith, titleOf } from "./files.js";
import { Meter, stayAwake } from "./speed_meter.js";
import { loadTus, Sending } from "./tus_upload.js";
import { Film } from "./upload_row.js";

/** Not before something was sent. */
const later = () => import("./processing.js");

export class Batch {
  /** `page`: the <clip-upload>, which shows what concerns all. */
  constructor(page, session) {
    Object.assign(this, { page, session });
    this.list = page.querySelector("[data-list]");
    this.films = [];
    this.meter = new Meter();
    this.ending = 0; // cancelled ones of which the site does not know yet
  }

  in(...states) {
    return this.films.filter((film) => states.includes(film.state));
  }

  get chosen() {
    return this.in("chosen");
  }

  get isBusy() {
    return this.films.some((film) => film.isUnderWay);
  }

  // -- Choosing ---------------------------------------------------------------------------------
  /** Gives a sentence about what was not taken, or "". */
  add(files) {
    const twice = files.filter(
      (file, at) =>
        this.films.some((film) => film.state !== "removed" && isSame(film.file, file)) ||
        files.slice(0, at).some((other) => isSame(other, file)),
    );
    const fresh = files.filter((file) => !twice.includes(file));
    const open = this.films.filter((film) => film.state === "chosen" || film.isUnderWay).length;
    const room = this.page.most - open;
    const taken = fresh.slice(0, Math.max(0, room));
    if (taken.length) loadTus().catch(() => {}); // it is tried again when it is needed
    for (const file of taken) this.put(new Film(this.optionsFor(file, titleOf(file.name))));
    this.nameAll(this.page.commonName);
    const told = [];
    if (twice.length) {
      told.push(`${quoted(twice)} ${twice.length === 1 ? "is" : "are"} in the list already.`);
    }
    const left = fresh.slice(taken.length);
    if (left.length) {
      told.push(
        `At most ${this.page.most} videos are sent at once. ${quoted(left)} ` +
          `${left.length === 1 ? "was" : "were"} left out.`,
      );
    }
    return told.join(" ");
  }

  optionsFor(file, title) {
    return { file, title, onAction: (film, action) => this.act(film, action) };
  }

  put(film) {
    this.films.push(film);
    this.list.append(film.row);
  }

  /** "Holiday 1", "Holiday 2", … for all that nobody has named by hand; "": the files' names. */
  nameAll(name) {
    const those = this.chosen.filter((film) => !film.isNamed);
    those.forEach((film, at) => {
      film.setTitle(name ? numbered(name, at + 1, those.length) : titleOf(film.name));
    });
    this.check();
  }

  /** Notes what is wrong beside each. Those further down get what is left of the quota. */
  check() {
    const { page, session } = this;
    let { left } = session;
    for (const film of this.chosen) {
      film.problem = problemWith(film.file, { ...page.limits, left: session.left });
      if (!film.problem && left !== null) {
        if (film.size > left) {
          film.problem =
            `This one does not fit any more: it has ${fileSize(film.size)}, and those ` +
            `above leave ${fileSize(left)} until ${page.limits.resets}.`;
        } else left -= film.size;
      }
      if (!film.problem && !film.title.trim()) film.problem = "Give this video a title.";
      film.render();
    }
    for (const film of this.films) this.setMoves(film);
    page.show();
  }

  setMoves(film) {
    const among = this.chosen;
    const at = among.indexOf(film);
    film.piece("up").disabled = at <= 0;
    film.piece("down").disabled = at === among.length - 1;
    film.piece("moves").hidden = film.state !== "chosen" || among.length < 2;
  }

  /** To the place `at` among those that are not sent yet. */
  move(film, at) {
    const among = this.chosen.filter((it) => it !== film);
    among.splice(Math.max(0, Math.min(at, among.length)), 0, film);
    this.films = [...this.films.filter((it) => it.state !== "chosen"), ...among];
    const held = document.activeElement;
    const next = among[among.indexOf(film) + 1];
    this.list.insertBefore(film.row, next?.row ?? null);
    this.nameAll(this.page.commonName);
    if (film.row.contains(held)) {
      const end = among.indexOf(film) ? "up" : "down";
      (held.disabled ? film.piece(end) : held).focus();
    }
    this.page.say(`${film.title}: now ${among.indexOf(film) + 1} of ${among.length}.`);
  }

  // -- What one does with a film ----------------------------------------------------------------
  act(film, action) {
    const at = this.chosen.indexOf(film);
    if (action === "title") this.check();
    else if (action === "up") this.move(film, at - 1);
    else if (action === "down") this.move(film, at + 1);
    else if (action === "remove") this.remove(film);
    else if (action === "pause") this.pause(film);
    else if (action === "resume" || action === "retry") this.resume([film]);
    else if (action === "cancel") this.cancel(film);
    else if (action === "login") this.session.look?.();
    else if (action === "drop-second") this.dropSecond(film);
    else if (action === "keep-both") this.keepBoth(film);
  }

  remove(film) {
    const at = this.films.indexOf(film);
    const after = this.films[at + 1] ?? this.films[at - 1];
    this.films = this.films.filter((it) => it !== film);
    film.row.remove();
    this.nameAll(this.page.commonName);
    if (after?.row.isConnected) after.focus();
    else this.page.input?.focus();
    this.page.say(`${film.title || film.name} is removed.`);
  }

  pause(film) {
    film.become("paused");
    film.sending?.stop();
    this.page.show();
  }

  resume(films) {
    for (const film of films) {
      film.problem = "";
      film.become("waiting");
    }
    this.run();
  }

  pauseAll() {
    for (const film of this.films.filter((it) => it.isUnderWay)) this.pause(film);
  }

  async cancel(film) {
    film.become("removed");
    const ended = film.sending?.cancel();
    this.remove(film);
    this.page.say(`${film.title} is cancelled.`);
    this.ending += 1;
    await ended;
    this.ending -= 1;
    if (!this.ending) this.page.discardPlaylist();
  }

  cancelAll() {
    for (const film of this.films.filter((it) => it.isUnderWay)) this.cancel(film);
    this.page.say("All is cancelled. What had arrived is thrown away.");
  }

  async dropSecond(film) {
    if (await (await later()).removeVideo(film, this.session).catch(() => false)) {
      film.duplicate = null;
      film.become("removed");
      this.page.say(`${film.title} is removed. The first one stays.`);
    } else this.page.say("It could not be removed. Check the connection and try again.", true);
    this.page.show();
  }

  keepBoth(film) {
    film.duplicate = null;
    film.render();
    film.focus();
  }

  // -- Sending ----------------------------------------------------------------------------------
  /** Sends what is chosen and can be sent; the rest stays. `words`: category and playlist. */
  send(words) {
    for (const film of this.chosen.filter((it) => !it.problem)) {
      const own = { filename: film.name, title: film.title.trim(), ...words };
      if (film.file.type) own.filetype = film.file.type;
      if (film.description.trim()) own.description = film.description;
      this.prepare(film, own, "");
    }
    this.run();
  }

  /** Goes on with one that was begun before. */
  goOn(upload, file) {
    const film = new Film(this.optionsFor(file, upload.title || titleOf(file.name)));
    film.sent = upload.offset;
    this.put(film);
    // What was typed then, should it have to be sent from the beginning.
    const words = { filename: file.name, title: film.title };
    if (file.type) words.filetype = file.type;
    for (const name of ["description", "category", "playlist"]) {
      if (upload[name]) words[name] = upload[name];
    }
    this.prepare(film, words, upload.url);
    this.run();
  }

  prepare(film, words, url) {
    film.sending = new Sending({
      file: film.file,
      session: this.session,
      words,
      url,
      on: {
        state: (state, said) => this.turn(film, state, said),
        progress: (sent) => this.progress(film, sent),
        isKnown: (other) => this.films.some((it) => it.sending?.url === other),
      },
    });
    film.become("waiting");
  }

  async run() {
    this.check();
    if (this.isRunning) return;
    this.isRunning = true;
    const rest = stayAwake();
    for (let film = this.next(); film; film = this.next()) {
      // The site hears of all of them first: what is typed and reserved outlives this page.
      const outcome = await film.sending.run({ hold: !film.sending.url });
      if (film.isUnderWay && film.state !== "paused") this.settle(film, outcome);
    }
    this.isRunning = false;
    rest();
    this.page.finish();
  }

  next() {
    const waiting = this.in("waiting");
    return waiting.find((film) => !film.sending.url) ?? waiting[0];
  }

  settle(film, outcome) {
    film.speed = 0;
    if (outcome === "held") film.become("waiting");
    else if (outcome === "sent") this.arrived(film);
    else if (outcome === "failed") {
      film.problem = film.sending.sentence;
      film.become("failed");
      this.page.say(`${film.title} could not be sent. ${film.problem}`);
    }
    this.page.show();
  }

  arrived(film) {
    film.sent = film.size;
    film.video = film.sending.video;
    film.duplicate = film.sending.duplicate;
    film.become("made");
    this.page.say(`${film.title} is sent.`);
    later().then(({ follow }) => follow(film, this.session));
  }

  turn(film, state, said = "") {
    if (!film.isUnderWay || film.state === "paused") return;
    const isNews = film.state !== state;
    if (state !== "sending") this.meter.rest();
    film.become(state, said);
    if (isNews && state !== "sending" && state !== "waiting") {
      this.page.say(film.piece("words").textContent);
    }
    this.page.show();
  }

  progress(film, sent) {
    if (film.state !== "sending") film.become("sending");
    this.meter.note(sent - film.sent);
    film.sent = sent;
    film.speed = this.meter.speed;
    film.secondsLeft = film.speed ? (film.size - sent) / film.speed : 0;
    film.render();
    this.page.show();
  }

  /** Of all that is under way or was sent: how many, how far, and how quickly. */
  get total() {
    const those = this.films.filter((film) => film.isUnderWay || film.isSent);
    const sum = (what) => those.reduce((all, film) => all + film[what], 0);
    const [size, sent, { speed }] = [sum("size"), sum("sent"), this.meter];
    const left = speed ? duration((size - sent) / speed) : "";
    return {
      count: those.length,
      percent: size ? Math.floor((100 * sent) / size) : 0,
      rate: speed ? `${fileSize(Math.round(speed))} a second, ${left} left` : "",
    };
  }
}

function quoted(files) {
  const names = files.slice(0, 3).map((file) => `“${file.name}”`);
  if (files.length > 3) names.push(`${files.length - 3} more`);
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}
