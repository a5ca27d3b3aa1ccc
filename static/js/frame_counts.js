/** What the frames that a browser has shown and dropped say of a rendition. All functions are pure. */

const BLIND_SECONDS = 2.5; // of playback
const JERKY_SECONDS = 5;
const MIN_SHOWN_FPS = 15; // a screen of 60 Hz drops half the frames of 120 fps, and none is missed

/** Whether the time moved on without a single frame. Later a picture may stand for long: screen
    recordings have no frame where nothing moves.
    @param {FrameCount} start where original quality began, or the last seek @param {FrameCount} now */
export const isBlind = (start, now) =>
  now.frames === start.frames && now.time - start.time >= BLIND_SECONDS;

/** Whether the browser cannot keep up.
    @param {FrameCount} before @param {FrameCount} now */
export function isJerky(before, now) {
  const dropped = now.dropped - before.dropped;
  const shown = now.frames - before.frames - dropped;
  return dropped > shown && shown < MIN_SHOWN_FPS * secondsBetween(before, now);
}

/** Whether enough time lies between two counts to judge by them.
    @param {FrameCount} before @param {FrameCount} now */
export const isLongEnough = (before, now) => secondsBetween(before, now) >= JERKY_SECONDS;

/** @param {FrameCount} before @param {FrameCount} now */
const secondsBetween = (before, now) => (now.at - before.at) / 1000;
