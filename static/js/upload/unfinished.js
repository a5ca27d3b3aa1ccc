/** Uploads that were begun on this device or another and can be resumed or ended. */
import { fileSize } from "../units.js";

export class Unfinished {
  /** @param {ClipUpload} page @param {UnfinishedUpload[]} uploads */
  constructor(page, uploads) {
    this.page = page;
    this.uploads = uploads;
    this.section = page.piece("unfinished");
    this.list = this.section.querySelector("[data-unfinished-list]");
    setUpPicker(this.section, "all", (files) => this.takeAll(files));
    /** @type {Map<UnfinishedUpload, HTMLElement>} */
    this.rows = new Map(uploads.map((upload) => [upload, this.rowOf(upload)]));
    this.list.replaceChildren(...this.rows.values());
    this.show();
  }

  /** Resumes the uploads of these files. Returns the files that belong to none.
      @param {File[]} files */
  match(files) {
    return files.filter((file) => {
      const upload = this.uploads.find((it) => isFileOf(it, file));
      if (upload) this.resume(upload, file);
      return !upload;
    });
  }

  /** @param {File[]} files */
  takeAll(files) {
    const [wrong] = this.match(files);
    if (wrong) this.showWrong(wrong, this.uploads);
  }

  /** @param {UnfinishedUpload} upload @param {File} file */
  resume(upload, file) {
    this.remove(upload);
    this.page.batch.resumeUnfinished(upload, file);
  }

  /** @param {File} file @param {UnfinishedUpload[]} wanted */
  showWrong(file, wanted) {
    const names = wanted.map((it) => `“${it.filename}” (${exactSize(it.size)})`).join(", or ");
    const place = this.section.querySelector("[data-wrong]");
    place.hidden = false;
    place.querySelector("span").textContent = names
      ? `You chose “${file.name}” (${exactSize(file.size)}). To continue, choose ${names}.`
      : `You chose “${file.name}” (${exactSize(file.size)}). No unfinished upload needs it.`;
  }

  /** @param {UnfinishedUpload} upload */
  remove(upload) {
    this.uploads = this.uploads.filter((it) => it !== upload);
    this.rows.get(upload)?.remove();
    this.section.querySelector("[data-wrong]").hidden = true;
    this.show();
  }

  show() {
    this.section.hidden = !this.uploads.length;
    this.section.querySelector("[data-all]").hidden = this.uploads.length < 2;
  }

  // -- Rows ---------------------------------------------------------------------------------------

  /** @param {UnfinishedUpload} upload @returns {HTMLElement} */
  rowOf(upload) {
    const row = document.getElementById("unfinished_row").content.firstElementChild.cloneNode(true);
    const piece = (/** @type {string} */ name) => row.querySelector(`[data-${name}]`);
    const title = upload.title || upload.filename;
    piece("title").textContent = title;
    piece("name").textContent = upload.filename;
    piece("arrived").textContent = arrived(upload);
    piece("bar").value = upload.size ? (100 * upload.offset) / upload.size : 0;
    piece("bar").setAttribute("aria-label", `Upload progress for ${title}`);
    piece("choose").setAttribute("aria-label", `Choose the file for ${title}`);
    setUpPicker(row, "choose", ([file]) => {
      if (isFileOf(upload, file)) this.resume(upload, file);
      else this.showWrong(file, [upload]);
    });
    piece("end").setAttribute("aria-label", `Discard the upload of ${title}`);
    piece("end").addEventListener("click", () => this.end(upload, title));
    return row;
  }

  /** @param {UnfinishedUpload} upload @param {string} title */
  async end(upload, title) {
    const isGone = await this.page.session.end(upload.url).catch(() => false);
    if (!isGone) {
      this.page.say("Couldn't discard the upload. Check your connection and try again.", true);
      return;
    }
    this.remove(upload);
    this.page.say(`Upload of ${title} discarded.`);
    (this.list.querySelector("button") ?? document.querySelector("[data-picker]"))?.focus();
  }
}

/** Lets the button `name` open the file field beside it.
    @param {HTMLElement} place @param {string} name @param {(files: File[]) => void} onFiles */
function setUpPicker(place, name, onFiles) {
  const input = place.querySelector(`[data-${name}-input]`);
  place.querySelector(`[data-${name}]`).addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    const files = [...input.files];
    input.value = ""; // so that the same file can be chosen again
    if (files.length) onFiles(files);
  });
}

/** @param {UnfinishedUpload} upload @param {File} file */
function isFileOf(upload, file) {
  return upload.filename === file.name && upload.size === file.size;
}

/** @param {UnfinishedUpload} upload */
function arrived({ offset, size, expires_at }) {
  const part = offset ? fileSize(offset) : "Nothing";
  const expires = new Date(expires_at).toLocaleString(document.documentElement.lang, {
    weekday: "long",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  });
  return `${part} of ${fileSize(size)} uploaded, saved until ${expires}.`;
}

/** With the bytes, since two similar files may have the same rounded size.
    @param {number} bytes */
function exactSize(bytes) {
  const rounded = fileSize(bytes);
  return rounded.includes("byte") ? rounded : `${rounded}, ${bytes.toLocaleString("en")} bytes`;
}
