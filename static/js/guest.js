/** A guest's page: the player, and the word that enough was watched to count. */
import "./clip-fold.js";
import "./clip-player.js";
import "./clip-quality.js";

const ENOUGH = 30; // seconds
const ENOUGH_OF_ALL = 0.3;
const STEP = 2; // seconds; more between two looks is a jump

const player = document.querySelector("clip-player");
const video = player.querySelector("video");
let watched = 0;
let last = 0;

function look() {
  const step = video.currentTime - last;
  last = video.currentTime;
  if (step > 0 && step < STEP * video.playbackRate) watched += step;
  const enough = Math.min(ENOUGH, (video.duration || Infinity) * ENOUGH_OF_ALL);
  if (watched < enough) return;
  video.removeEventListener("timeupdate", look);
  // It goes out though the page may be left at this moment.
  fetch(player.dataset.view, { method: "POST", keepalive: true }).catch(() => {});
}

video.addEventListener("timeupdate", look);
