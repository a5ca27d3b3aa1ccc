/** A frame and the duration of a video file on this device. */

const WIDTH = 320; // pixels
const TIMEOUT = 8000; // milliseconds

/** @type {Promise<unknown>} */
let queue = Promise.resolve();

/** Draws a frame on `canvas`. Returns the duration in seconds, or null if it is unknown. One file at
    a time: a phone does not have twenty decoders. Throws if the browser cannot play the file.
    @param {File} file @param {HTMLCanvasElement} canvas */
export function preview(file, canvas) {
  const result = queue.then(() => readFile(file, canvas));
  queue = result.catch(() => null);
  return result;
}

/** @param {File} file @param {HTMLCanvasElement} canvas */
async function readFile(file, canvas) {
  const video = document.createElement("video");
  const address = URL.createObjectURL(file);
  const timeout = AbortSignal.timeout(TIMEOUT);
  const event = (/** @type {string} */ name) =>
    new Promise((resolve, reject) => {
      video.addEventListener(name, resolve, { once: true });
      video.addEventListener("error", reject, { once: true });
      timeout.addEventListener("abort", reject, { once: true });
    });
  try {
    video.muted = video.playsInline = true;
    video.preload = "auto";
    video.src = address;
    await event("loadeddata");
    const duration = Number.isFinite(video.duration) ? video.duration : null;
    if (duration) {
      const seeked = event("seeked");
      video.currentTime = Math.min(1, duration / 4);
      await seeked;
    }
    draw(video, canvas);
    return duration;
  } finally {
    video.removeAttribute("src");
    video.load();
    URL.revokeObjectURL(address);
  }
}

/** @param {HTMLVideoElement} video @param {HTMLCanvasElement} canvas */
function draw(video, canvas) {
  if (!video.videoWidth) throw new Error("the file has no picture");
  canvas.width = WIDTH;
  canvas.height = Math.round((WIDTH * video.videoHeight) / video.videoWidth);
  canvas.getContext("2d")?.drawImage(video, 0, 0, canvas.width, canvas.height);
}
