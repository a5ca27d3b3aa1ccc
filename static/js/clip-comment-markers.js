/** <clip-comment-markers>: where on the timeline something was said, and what, when one points there. */

const NEAR = 8; // pixels

class ClipCommentMarkers extends HTMLElement {
  connectedCallback() {
    this.frame = this.closest("media-controller");
    this.video = this.frame.querySelector("video");
    this.rail = this.querySelector(".player__markers");
    this.words = this.querySelector(".player__said");
    this.frame.addEventListener("mediapreviewtime", this.point);
    this.video.addEventListener("durationchange", this.draw);
    document.addEventListener("htmx:afterSettle", this.read);
    this.read();
  }

  disconnectedCallback() {
    this.frame.removeEventListener("mediapreviewtime", this.point);
    this.video.removeEventListener("durationchange", this.draw);
    document.removeEventListener("htmx:afterSettle", this.read);
  }

  /** What comments say stands in the page as JSON: [{seconds, author, text}]. */
  read = () => {
    const text = document.getElementById("comment-markers")?.textContent ?? "[]";
    if (text === this.text) return;
    this.text = text;
    this.markers = JSON.parse(text);
    this.draw();
  };

  draw = () => {
    const { duration } = this.video;
    const inside = duration ? this.markers.filter((it) => it.seconds <= duration) : [];
    this.rail.replaceChildren(...inside.map((it) => dot(it.seconds / duration)));
  };

  point = ({ detail: seconds }) => {
    const near = (NEAR / this.rail.clientWidth) * this.video.duration;
    const distance = (it) => Math.abs(it.seconds - seconds);
    const [nearest] = this.markers
      .filter((it) => seconds !== undefined && distance(it) <= near)
      .sort((a, b) => distance(a) - distance(b));
    this.words.hidden = !nearest;
    this.words.textContent = nearest ? `${nearest.author}: ${nearest.text}` : "";
  };
}

function dot(share) {
  const it = document.createElement("i");
  it.style.left = `${share * 100}%`;
  return it;
}

customElements.define("clip-comment-markers", ClipCommentMarkers);
