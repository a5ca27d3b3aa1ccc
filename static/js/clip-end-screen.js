/** <clip-end-screen>: covers the last frame of a video: watch again, or watch the next one. */
const EVENTS = ["ended", "play", "seeking", "emptied"];

class ClipEndScreen extends HTMLElement {
  /** @type {HTMLVideoElement} */
  video;

  connectedCallback() {
    this.video = this.closest("clip-player").querySelector("video");
    this.querySelector("button").addEventListener("click", () => this.video.play());
    for (const event of EVENTS) this.video.addEventListener(event, this.update);
  }

  disconnectedCallback() {
    for (const event of EVENTS) this.video.removeEventListener(event, this.update);
  }

  update = () => {
    this.hidden = !this.video.ended;
  };
}

customElements.define("clip-end-screen", ClipEndScreen);
