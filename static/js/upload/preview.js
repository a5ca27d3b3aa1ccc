/** A frame and the length of a film that lies on this device. */

const WIDTH = 320; // px
const PATIENCE = 8000; // milliseconds

let line = Promise.resolve();

/** Draws a frame on `canvas`; gives the duration in seconds, or null where this browser can't show
 * this kind. One film at a time: twenty decoders are more than a phone has. */
export function preview(file, canvas) {
  const turn = line.then(() => look(file, canvas));
  line = turn.catch(() => null);
  return turn;
}

async function look(file, canvas) {
  const film = document.createElement("video");
  const address = URL.createObjectURL(file);
  const stop = new AbortController();
  const patience = setTimeout(() => stop.abort(), PATIENCE);
  const told = (name) =>
    new Promise((resolve, reject) => {
      film.addEventListener(name, resolve, { once: true });
      film.addEventListener("error", reject, { once: true });
      stop.signal.addEventListener("abort", reject, { once: true });
    });
  try {
    film.muted = film.playsInline = true;
    film.preload = "auto";
    film.src = address;
    await told("loadeddata");
    const duration = Number.isFinite(film.duration) ? film.duration : null;
    if (duration) {
      const sought = told("seeked");
      film.currentTime = Math.min(1, duration / 4);
      await sought;
    }
    draw(film, canvas);
    return duration;
  } finally {
    clearTimeout(patience);
    film.removeAttribute("src");
    film.load();
    URL.revokeObjectURL(address);
  }
}

function draw(film, canvas) {
  if (!film.videoWidth) throw new Error("there is no picture");
  canvas.width = WIDTH;
  canvas.height = Math.round((WIDTH * film.videoHeight) / film.videoWidth);
  canvas.getContext("2d").drawImage(film, 0, 0, canvas.width, canvas.height);
}
