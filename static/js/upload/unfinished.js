/** What was begun and is not finished, here or on another device: to go on with, or to end. */
import { fileSize } from "../units.js";

export class Unfinished {
  /** `section`: its place on the page. `onFile(upload, file)` goes on with one. */
  constructor(section, session, { onFile, say }) {
    Object.assign(this, { section, session, onFile, say });
    this.list = section.querySelector("[data-unfinished-list]");
    this.uploads = [];
    picker(section, "all", (files) => this.takeAll(files));
  }

  async load() {
    this.uploads = await this.session.unfinished().catch(() => []);
    this.list.replaceChildren(...this.uploads.map((upload) => this.rowOf(upload)));
    this.show();
  }

  /** Takes out what of `files` goes on with something; gives the others. */
  match(files) {
    return files.filter((file) => {
      const upload = this.uploads.find((it) => isFileOf(it, file));
      if (upload) this.goOn(upload, file);
      return !upload;
    });
  }

  takeAll(files) {
    const wrong = this.match(files);
    if (wrong.length) this.complain(wrong[0], this.uploads);
  }

  goOn(upload, file) {
    this.drop(upload);
    this.onFile(upload, file);
  }

  complain(file, wanted) {
    const names = wanted.map((it) => `“${it.filename}” with ${exactly(it.size)}`).join(", or ");
    const place = this.section.querySelector("[data-wrong]");
    place.hidden = false;
    place.querySelector("span").textContent =
      `That is “${file.name}” with ${exactly(file.size)}. ` +
      (names ? `It goes on only with ${names}.` : "Nothing waits for it.");
  }

  drop(upload) {
    this.uploads = this.uploads.filter((it) => it !== upload);
    upload.row.remove();
    this.section.querySelector("[data-wrong]").hidden = true;
    this.show();
  }

  show() {
    this.section.hidden = !this.uploads.length;
    this.section.querySelector("[data-all]").hidden = this.uploads.length < 2;
  }

  // -- Rows -------------------------------------------------------------------------------------
  rowOf(upload) {
    const row = document.getElementById("unfinished_row").content.firstElementChild.cloneNode(true);
    const piece = (name) => row.querySelector(`[data-${name}]`);
    const title = upload.title || upload.filename;
    upload.row = row;
    piece("title").textContent = title;
    piece("name").textContent = upload.filename;
    piece("arrived").textContent = arrived(upload);
    piece("bar").value = upload.size ? (100 * upload.offset) / upload.size : 0;
    piece("bar").setAttribute("aria-label", `Arrived of ${title}`);
    piece("choose").setAttribute("aria-label", `Choose the file for ${title}`);
    picker(row, "choose", ([file]) => {
      if (isFileOf(upload, file)) this.goOn(upload, file);
      else this.complain(file, [upload]);
    });
    piece("end").setAttribute("aria-label", `End the upload of ${title}`);
    piece("end").addEventListener("click", () => this.end(upload, title));
    return row;
  }

  async end(upload, title) {
    const ended = await this.session.end(upload.url).catch(() => false);
    if (!ended) {
      this.say("It could not be ended. Check the connection and try again.", true);
      return;
    }
    this.drop(upload);
    this.say(`The upload of ${title} is ended. What had arrived is thrown away.`);
    (this.list.querySelector("button") ?? document.querySelector("[data-picker]"))?.focus();
  }
}

/** The button `name`, and the field beside it that it opens. */
function picker(place, name, onFiles) {
  const input = place.querySelector(`[data-${name}-input]`);
  place.querySelector(`[data-${name}]`).addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    const files = [...input.files];
    input.value = ""; // so that the same one can be chosen again
    if (files.length) onFiles(files);
  });
}

function isFileOf(upload, file) {
  return upload.filename === file.name && upload.size === file.size;
}

function arrived({ offset, size, expires_at }) {
  const part = offset ? fileSize(offset) : "Nothing";
  return `${part} of ${fileSize(size)} has arrived, kept until ${moment(expires_at)}.`;
}

/** Sizes that only differ in their last digits must not read alike. */
function exactly(bytes) {
  const rough = fileSize(bytes);
  return rough.includes("byte") ? rough : `${rough} (${bytes.toLocaleString("en")} bytes)`;
}

function moment(iso) {
  const options = { weekday: "long", hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  return new Date(iso).toLocaleString(document.documentElement.lang, options);
}
