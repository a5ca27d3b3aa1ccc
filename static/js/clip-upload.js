/** <clip-upload>: the upload form with a drop zone over the page, a look at the film, checks
 * before anything is sent, and progress. Without it the form works as a plain one. */
import { clock, duration, fileSize } from "./words.js";

const WINDOW = 6; // seconds over which the speed is measured

class ClipUpload extends HTMLElement {
  connectedCallback() {
    this.form = this.querySelector("form");
    if (!this.form) return; // the week is used up
    this.input = this.form.querySelector("input[type=file]");
    this.titleField = this.form.elements.title;
    this.piece = (name) => this.querySelector(`[data-${name}]`);
    this.heading = document.title;
    this.dataset.live = "";
    this.piece("or").hidden = matchMedia("(pointer: coarse)").matches;
    this.input.addEventListener("change", () => this.look());
    this.titleField.addEventListener("input", () => delete this.titleField.dataset.made);
    this.piece("other").addEventListener("click", () => this.input.click());
    this.piece("cancel").addEventListener("click", () => this.request?.abort());
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      event.stopPropagation();
      this.send();
    });
    this.takeFromPage();
    addEventListener("beforeunload", (event) => {
      if (this.request) event.preventDefault();
    });
    if (this.input.files.length) this.look();
  }

  // -- Choosing ---------------------------------------------------------------------------------
  takeFromPage() {
    const hasFiles = (event) => event.dataTransfer?.types.includes("Files") && !this.request;
    let depth = 0;
    addEventListener("dragenter", (event) => {
      if (!hasFiles(event)) return;
      depth += 1;
      this.dataset.over = "";
    });
    addEventListener("dragleave", (event) => {
      if (!hasFiles(event)) return;
      depth -= 1;
      if (depth <= 0) delete this.dataset.over;
    });
    addEventListener("dragover", (event) => {
      if (hasFiles(event)) event.preventDefault();
    });
    addEventListener("drop", (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      depth = 0;
      delete this.dataset.over;
      this.take(event.dataTransfer.files);
    });
    addEventListener("paste", (event) => {
      if (event.clipboardData?.files.length && !this.request) this.take(event.clipboardData.files);
    });
  }

  take(files) {
    if (!files.length) return;
    const one = new DataTransfer();
    one.items.add(files[0]);
    this.input.files = one.files;
    this.look();
    if (files.length > 1) this.say("One video at a time: the first one was taken.");
  }

  /** Shows the chosen file, and whether it can be sent. */
  look() {
    let file = this.input.files[0];
    this.clearErrors();
    URL.revokeObjectURL(this.url);
    const problem = file ? this.problemWith(file) : "";
    if (problem) {
      this.showErrors({ file: [problem] });
      this.input.value = "";
      file = undefined;
    }
    this.toggleAttribute("data-chosen", Boolean(file));
    this.piece("chosen").hidden = this.piece("frame").hidden = !file;
    if (!file) return;
    this.piece("name").textContent = file.name;
    this.piece("size").textContent = fileSize(file.size);
    this.piece("duration").hidden = true;
    this.showFrame(file);
    if (!this.titleField.value || this.titleField.dataset.made) {
      this.titleField.value = titleOf(file.name).slice(0, 200);
      this.titleField.dataset.made = "yes";
    }
    this.say(`${file.name}, ${fileSize(file.size)}, is chosen.`);
  }

  showFrame(file) {
    this.url = URL.createObjectURL(file);
    const film = document.createElement("video");
    film.muted = film.playsInline = true;
    film.preload = "metadata";
    film.addEventListener("loadedmetadata", () => {
      if (!Number.isFinite(film.duration)) return;
      film.currentTime = Math.min(1, film.duration / 4);
      this.piece("duration").textContent = clock(film.duration);
      this.piece("duration").hidden = false;
    });
    // Browsers can't show every kind that we take; the name is enough then.
    film.addEventListener("error", () => {
      this.piece("frame").textContent = "No preview for this kind of file";
    });
    film.src = this.url;
    this.piece("frame").replaceChildren(film);
  }

  problemWith(file) {
    const accepted = this.dataset.accepted.split(",");
    const kind = file.name.includes(".") ? file.name.split(".").pop().toLowerCase() : "";
    const most = Number(this.dataset.maxBytes);
    const left = this.dataset.leftBytes;
    if (!accepted.includes(kind)) {
      const kinds = accepted.map((name) => name.toUpperCase()).join(", ");
      return `“${file.name}” is not a kind of file that can be taken. Choose one of ${kinds}.`;
    }
    if (!file.size) return `“${file.name}” is empty. Choose another one.`;
    if (file.size > most) {
      return `“${file.name}” has ${fileSize(file.size)}; at most ${fileSize(most)} can be sent.`;
    }
    if (left !== "" && file.size > Number(left)) {
      return `“${file.name}” has ${fileSize(file.size)}, but ${fileSize(Number(left))} are left `
        + `until ${this.dataset.resets}. Choose a shorter one, or wait until then.`;
    }
    return "";
  }

  // -- Sending ----------------------------------------------------------------------------------
  send() {
    const file = this.input.files[0];
    if (this.request || !file) return;
    this.clearErrors();
    const body = new FormData();
    for (const [name, value] of new FormData(this.form)) {
      if (name !== "file") body.append(name, value);
    }
    body.append("file", file, file.name); // last, so that the server reads the words first
    const request = new XMLHttpRequest();
    request.open("POST", this.form.action);
    request.setRequestHeader("Accept", "application/json");
    request.upload.addEventListener("progress", (event) => this.progress(event));
    request.upload.addEventListener("load", () => this.allSent());
    request.addEventListener("load", () => this.answered(request));
    request.addEventListener("error", () =>
      this.failed({ __all__: ["The connection was lost. Check it, then press Upload again."] }));
    request.addEventListener("abort", () => {
      this.end();
      this.say("The upload is cancelled.");
    });
    this.request = request;
    this.samples = [];
    this.lock(true);
    request.send(body);
  }

  progress({ loaded, total }) {
    const now = performance.now() / 1000;
    this.samples.push([now, loaded]);
    while (this.samples.length > 2 && now - this.samples[0][0] > WINDOW) this.samples.shift();
    const [since, before] = this.samples[0];
    const speed = now > since ? (loaded - before) / (now - since) : 0;
    const percent = Math.floor((100 * loaded) / total);
    this.bar.value = percent;
    this.piece("percent").textContent = `${percent} %`;
    document.title = `${percent} % – ${this.heading}`;
    if (speed > 0) {
      const left = duration((total - loaded) / speed);
      this.piece("rate").textContent = `${fileSize(Math.round(speed))} a second, ${left} left`;
    }
    const quarter = Math.floor(percent / 25);
    if (quarter !== this.quarter) {
      this.quarter = quarter;
      this.say(`${percent} percent sent.`);
    }
  }

  allSent() {
    this.bar.removeAttribute("value");
    this.piece("percent").textContent = "Sent";
    this.piece("rate").textContent = "one moment";
  }

  answered(request) {
    let answer = {};
    try {
      answer = JSON.parse(request.responseText);
    } catch {
      // Not ours: a proxy's page, or the log-in.
    }
    if (request.status === 201 && answer.url) {
      this.request = null;
      location.assign(answer.url);
      return;
    }
    this.failed(answer.errors ?? { __all__: [sentenceFor(request.status)] });
  }

  failed(errors) {
    this.end();
    this.showErrors(errors);
  }

  end() {
    this.request = null;
    this.lock(false);
    document.title = this.heading;
  }

  get bar() {
    return this.piece("sending").querySelector("progress");
  }

  lock(sending) {
    this.piece("send").hidden = sending;
    this.piece("sending").hidden = !sending;
    this.piece("other").hidden = sending;
    this.input.disabled = sending;
    for (const field of this.piece("words").querySelectorAll("input, textarea")) {
      field.readOnly = sending;
    }
    for (const field of this.piece("words").querySelectorAll("select")) field.disabled = sending;
    if (!sending) return;
    this.bar.value = 0;
    this.piece("percent").textContent = "0 %";
    this.piece("rate").textContent = "";
    this.piece("cancel").focus();
  }

  // -- Words ------------------------------------------------------------------------------------
  say(text) {
    this.piece("status").textContent = text;
  }

  clearErrors() {
    this.piece("form-errors").replaceChildren();
    for (const field of this.querySelectorAll("[aria-invalid]")) {
      field.removeAttribute("aria-invalid");
    }
    for (const error of this.querySelectorAll(".field__error")) error.hidden = true;
  }

  /** `errors`: sentences by the field's name; what has no field stands above the form. */
  showErrors(errors) {
    const rest = [];
    let first = null;
    for (const [name, sentences] of Object.entries(errors)) {
      const place = this.querySelector(`[data-field="${CSS.escape(name)}"]`);
      if (!place) {
        rest.push(...sentences);
        continue;
      }
      const error = place.querySelector(".field__error");
      const control = place.querySelector("input, textarea, select");
      error.querySelector("span").textContent = sentences.join(" ");
      error.hidden = false;
      control.setAttribute("aria-invalid", "true");
      const described = new Set((control.getAttribute("aria-describedby") ?? "").split(" "));
      control.setAttribute("aria-describedby", [...described.add(error.id)].join(" ").trim());
      first ??= control;
    }
    if (rest.length) first = this.showNote(rest);
    first?.focus();
  }

  showNote(sentences) {
    const note = document.createElement("div");
    note.className = "note note--danger";
    note.tabIndex = -1;
    note.setAttribute("role", "alert");
    const words = document.createElement("div");
    for (const sentence of sentences) {
      const line = document.createElement("p");
      line.textContent = sentence;
      words.append(line);
    }
    note.append(words);
    this.piece("form-errors").replaceChildren(note);
    return note;
  }
}

/** As clipset/lib/text.py makes a title: "holiday_at-sea.mp4" -> "holiday at-sea" */
function titleOf(name) {
  let stem = name.replace(/\.\w{1,5}$/, "");
  if (!stem.includes(" ")) {
    if (!stem.includes("_")) stem = stem.replace(/(?<!\d)-+|-+(?!\d)/g, " ");
    stem = stem.replaceAll(".", " ");
  }
  return stem.replaceAll("_", " ").replace(/\s+/g, " ").trim();
}

function sentenceFor(status) {
  if (status === 401) {
    return "You were logged out. Log in again in another tab, then press Upload again.";
  }
  if (status === 403) {
    return "This page is out of date. Reload it and choose the video again.";
  }
  if (status === 413) return "The server does not take a file this large.";
  if (status === 429) return "Too many uploads at once. Wait a minute, then press Upload again.";
  return "Something broke on our side. Try again in a minute.";
}

customElements.define("clip-upload", ClipUpload);
