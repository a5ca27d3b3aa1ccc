/** <clip-thumbnail>: plays the video in place of its thumbnail, to choose a frame of it, and previews
    an image before it is uploaded. Without it a member types the time of the frame. */
import { clock } from "./units.js";

class ClipThumbnail extends HTMLElement {
  /** @type {HTMLVideoElement} */
  video;
  /** @type {HTMLImageElement} */
  image;
  /** @type {HTMLInputElement} */
  time;
  /** @type {HTMLInputElement} */
  file;
  /** @type {{ src: string | null, alt: string }} */
  current;
  canPlay = true;
  previewUrl = ""; // of the chosen image

  connectedCallback() {
    this.video = this.querySelector("video");
    this.image = this.querySelector("img");
    this.current = { src: this.image.getAttribute("src"), alt: this.image.alt };
    this.time = this.querySelector("[name=moment]");
    this.file = this.querySelector("[type=file]");
    this.canPlay = true;
    this.video.addEventListener("error", () => {
      this.canPlay = false;
      this.show();
    });
    this.video.preload = "metadata";
    this.video.src = this.video.dataset.src ?? "";
    this.piece("use").addEventListener("click", () => this.useFrame());
    this.piece("drop").addEventListener("click", () => {
      this.file.value = "";
      this.file.focus();
      this.fileChanged();
    });
    this.file.addEventListener("change", () => this.fileChanged());
    this.fileChanged();
  }

  disconnectedCallback() {
    URL.revokeObjectURL(this.previewUrl);
  }

  /** @param {string} name */
  piece(name) {
    return this.querySelector(`[data-${name}]`);
  }

  /** The field takes whole seconds: the video goes to that second, so that its frame is shown. */
  useFrame() {
    const seconds = Math.floor(this.video.currentTime);
    this.video.pause();
    this.video.currentTime = seconds;
    this.time.value = clock(seconds);
    this.piece("message").textContent = `New thumbnail: ${clock(seconds)}.`;
  }

  fileChanged() {
    const file = this.file.files?.[0];
    const { maxBytes, tooLarge = "" } = this.file.dataset;
    const isTooLarge = Boolean(file && file.size > Number(maxBytes));
    this.file.setCustomValidity(isTooLarge ? tooLarge : "");
    if (isTooLarge) this.file.reportValidity();
    URL.revokeObjectURL(this.previewUrl);
    this.previewUrl = file && !isTooLarge ? URL.createObjectURL(file) : "";
    this.show();
  }

  /** Shows the chosen image, cropped as it will be; else the video; else the current thumbnail. */
  show() {
    const showsFile = Boolean(this.previewUrl);
    const showsVideo = this.canPlay && !showsFile;
    const hasFile = Boolean(this.file.files?.length);
    const src = this.previewUrl || this.current.src;
    if (!showsVideo) this.video.pause();
    this.video.hidden = !showsVideo;
    this.image.hidden = showsVideo || !src;
    if (!this.image.hidden && src) this.image.src = src;
    this.image.alt = showsFile ? "Your new thumbnail" : this.current.alt;
    this.setShape(showsFile);
    this.piece("none")?.toggleAttribute("hidden", showsFile || showsVideo);
    this.piece("use").hidden = !showsVideo;
    this.piece("drop").hidden = !hasFile;
    this.piece("use").parentElement.hidden = !showsVideo && !hasFile;
    this.piece("message").textContent = showsFile ? "It will be cropped to fit." : "";
  }

  /** Gives a cropped image the video's aspect ratio, as tall as the style sheet permits.
      @param {boolean} isCropped */
  setShape(isCropped) {
    const { width, height } = this.video;
    const style = this.image.style;
    style.aspectRatio = isCropped && width ? `${width} / ${height}` : "";
    style.objectFit = isCropped ? "cover" : "";
    style.width = isCropped && width ? `min(100%, ${(360 * width) / height}px)` : "";
  }
}

customElements.define("clip-thumbnail", ClipThumbnail);
