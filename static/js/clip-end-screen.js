/** <clip-end-screen>: over the last frame: watch again, or what comes next. */

class ClipEndScreen extends HTMLElement {
  connectedCallback() {
    this.video = this.closest("clip-player").querySelector("video");
    this.querySelector("button").addEventListener("click", () => this.video.play());
    for (const event of ["ended", "play", "seeking", "emptied"]) {
      this.video.addEventListener(event, this.look);
    }
  }

  disconnectedCallback() {
    for (const event of ["ended", "play", "seeking", "emptied"]) {
      this.video.removeEventListener(event, this.look);
    }
  }

  look = () => {
    this.hidden = !this.video.ended;
  };
}

customElements.define("clip-end-screen", ClipEndScreen);
