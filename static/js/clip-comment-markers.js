/** <clip-comment-markers>: marks the times that comments mention on the timeline, and shows a comment
    when the pointer is near its mark. */

const NEAR = 8; // pixels

class ClipCommentMarkers extends HTMLElement {
  /** @type {HTMLElement} */
  controller;
  /** @type {HTMLVideoElement} */
  video;
  /** @type {HTMLElement} */
  rail;
  /** @type {HTMLElement} */
  label;
  /** @type {CommentMarker[]} */
  markers = [];
  json = "";

  connectedCallback() {
    this.controller = this.closest("media-controller");
    this.video = this.controller.querySelector("video");
    this.rail = this.querySelector(".player__markers");
    this.label = this.querySelector(".player__comment");
    this.controller.addEventListener("mediapreviewtime", this.point);
    this.video.addEventListener("durationchange", this.draw);
    document.addEventListener("htmx:afterSettle", this.read);
    this.json = "";
    this.read();
  }

  disconnectedCallback() {
    this.controller.removeEventListener("mediapreviewtime", this.point);
    this.video.removeEventListener("durationchange", this.draw);
    document.removeEventListener("htmx:afterSettle", this.read);
  }

  /** Reads the markers from the JSON in the page. */
  read = () => {
    const json = document.getElementById("comment-markers")?.textContent ?? "[]";
    if (json === this.json) return;
    this.json = json;
    this.markers = JSON.parse(json);
    this.draw();
  };

  draw = () => {
    const { duration } = this.video;
    const inside = duration ? this.markers.filter((it) => it.seconds <= duration) : [];
    this.rail.replaceChildren(...inside.map((it) => dotAt(it.seconds / duration)));
  };

  /** @param {any} event a CustomEvent whose detail is in seconds, or undefined */
  point = ({ detail: seconds }) => {
    const near = (NEAR / this.rail.clientWidth) * this.video.duration;
    const distance = (/** @type {CommentMarker} */ it) => Math.abs(it.seconds - seconds);
    const [nearest] = this.markers
      .filter((it) => seconds !== undefined && distance(it) <= near)
      .sort((a, b) => distance(a) - distance(b));
    this.label.hidden = !nearest;
    this.label.textContent = nearest ? `${nearest.author}: ${nearest.text}` : "";
  };
}

/** @param {number} share of the timeline, 0 to 1 */
function dotAt(share) {
  const dot = document.createElement("i");
  dot.style.left = `${share * 100}%`;
  return dot;
}

customElements.define("clip-comment-markers", ClipCommentMarkers);
