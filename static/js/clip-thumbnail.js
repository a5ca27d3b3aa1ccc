/** <clip-thumbnail>: the film itself in place of its picture, to choose a moment of it, and a look at
 * a file before it is sent. Without it one types the moment. */
import { clock } from "./units.js";

class ClipThumbnail extends HTMLElement {
  connectedCallback() {
    this.video = this.querySelector("video");
    this.image = this.querySelector("img");
    this.before = { src: this.image.getAttribute("src"), alt: this.image.alt };
    this.moment = this.querySelector("[name=moment]");
    this.file = this.querySelector("[type=file]");
    this.piece = (name) => this.querySelector(`[data-${name}]`);
    this.plays = true;
    this.video.addEventListener("error", () => {
      this.plays = false;
      this.show();
    });
    this.video.preload = "metadata";
    this.video.src = this.video.dataset.src;
    this.piece("use").addEventListener("click", () => this.use());
    this.piece("drop").addEventListener("click", () => {
      this.file.value = "";
      this.file.focus();
      this.look();
    });
    this.file.addEventListener("change", () => this.look());
    this.look();
  }

  disconnectedCallback() {
    URL.revokeObjectURL(this.url);
  }

  /** Whole seconds are what the field takes: the film goes there, so that one sees what one gets. */
  use() {
    const seconds = Math.floor(this.video.currentTime);
    this.video.pause();
    this.video.currentTime = seconds;
    this.moment.value = clock(seconds);
    this.piece("said").textContent = `The picture will be of ${clock(seconds)}.`;
  }

  look() {
    const file = this.file.files[0];
    const isLarge = file?.size > Number(this.file.dataset.maxBytes);
    this.file.setCustomValidity(
      isLarge ? "This picture is too large. Send one of at most 10 MB." : "",
    );
    if (isLarge) this.file.reportValidity();
    URL.revokeObjectURL(this.url);
    this.url = file && !isLarge ? URL.createObjectURL(file) : undefined;
    this.show();
  }

  /** The file that was chosen, cut as it will be; else the film; else the picture of now. */
  show() {
    const showsFile = Boolean(this.url);
    const showsFilm = this.plays && !showsFile;
    if (!showsFilm) this.video.pause();
    this.video.hidden = !showsFilm;
    this.image.hidden = showsFilm || !(this.url ?? this.before.src);
    if (!this.image.hidden) this.image.src = this.url ?? this.before.src;
    this.image.alt = showsFile ? "The picture that you chose" : this.before.alt;
    this.shape(showsFile);
    this.piece("none")?.toggleAttribute("hidden", showsFile || showsFilm);
    this.piece("use").hidden = !showsFilm;
    this.piece("drop").hidden = !this.file.files.length;
    this.piece("use").parentElement.hidden = !showsFilm && !this.file.files.length;
    this.piece("said").textContent = showsFile ? "It is cut to the shape of the video." : "";
  }

  /** Of the film, whatever shape the file has; as tall as the style sheet permits. */
  shape(isCut) {
    const { width, height } = this.video;
    const style = this.image.style;
    style.aspectRatio = isCut && width ? `${width} / ${height}` : "";
    style.objectFit = isCut ? "cover" : "";
    style.width = isCut && width ? `min(100%, ${(360 * width) / height}px)` : "";
  }
}

customElements.define("clip-thumbnail", ClipThumbnail);
