/** What a Source knows of its playback, and what follows from it. All functions are pure; the first
    ones take a state and return the next one.

    While a video is processed, playback can catch up with the end of what is published. It is then
    held until enough lies ahead again: one long pause is better than one after each fragment. It begins
    once a second lies ahead, since the first fragments are shorter. */

const MIN_AHEAD = 8; // seconds: two fragments, one to watch while the next is made
const MAX_AHEAD = 32; // seconds
const EDGE = 1; // seconds; less than this ahead means that playback reached the end
const MAX_TRIES = 3;
const PROGRESS = 5; // seconds of playback after which earlier failures no longer count

/** @param {boolean} isProcessing @returns {PlaybackState} */
export const initialState = (isProcessing) => ({
  isProcessing,
  isComplete: !isProcessing,
  edge: null,
  ahead: EDGE,
  isHeld: false,
  tries: 0,
  failedAt: 0,
  hasRecovered: false,
  isPolling: false,
  isWaitingForFile: false,
  isWaitingForH264: false,
  hasH264: false,
  stalls: 0,
});

/** A media playlist was loaded. That of original quality has the whole video from the start, and says
    nothing about the others.
    @param {PlaybackState} state
    @param {{ live: boolean, edge: number, isOriginal?: boolean }} playlist `edge` in seconds */
export const playlistLoaded = (state, { live, edge, isOriginal = false }) => ({
  ...state,
  isProcessing: isOriginal ? state.isProcessing : live,
  isComplete: state.isComplete || (!live && !isOriginal),
  edge: live ? edge : null,
});

/** Playback starts, or tries to. @param {PlaybackState} state @param {number} position seconds */
export const playStarted = (state, position) => ({ ...state, isHeld: !hasEnough(state, position) });

/** The browser ran out of data. @param {PlaybackState} state @param {number} position seconds */
export const dataRanOut = (state, position) =>
  secondsAhead(state, position) >= EDGE || state.isHeld
    ? state
    : {
        ...state,
        ahead: Math.min(Math.max(2 * state.ahead, MIN_AHEAD), MAX_AHEAD),
        isHeld: true,
      };

/** More was published, or the member went elsewhere in the video.
    @param {PlaybackState} state @param {number} position seconds */
export const aheadChanged = (state, position) =>
  state.isHeld && hasEnough(state, position) ? { ...state, isHeld: false } : state;

/** hls.js gave up loading. @param {PlaybackState} state @param {number} position seconds */
export const loadFailed = (state, position) => ({
  ...state,
  isPolling: true,
  tries: position > state.failedAt + PROGRESS ? 0 : state.tries,
  failedAt: position,
});

/** Another attempt follows. An attempt without a connection does not count.
    @param {PlaybackState} state @param {boolean} counts */
export const retryScheduled = (state, counts) => ({
  ...state,
  tries: state.tries + (counts ? 1 : 0),
});

/** Seconds of the video that are published and lie ahead; Infinity once it is complete.
    @param {PlaybackState} state @param {number} position seconds */
export const secondsAhead = ({ isProcessing, edge }, position) =>
  isProcessing && edge !== null ? edge - position : Infinity;

/** @param {PlaybackState} state @param {number} position seconds */
export const hasEnough = (state, position) => secondsAhead(state, position) >= state.ahead;

/** @param {PlaybackState} state */
export const hasTriesLeft = ({ tries }) => tries < MAX_TRIES;

/** Whether hls.js is started again after a stall; else the file is played.
    @param {PlaybackState} state */
export const mayRestart = ({ stalls }) => stalls <= MAX_TRIES;

/** Whether another attempt can use the addresses that are known. An attempt to process a video has
    addresses of its own, so later attempts load the playlists again.
    @param {PlaybackState} state */
export const mayReuseAddresses = ({ tries }) => tries < 2;

/** Whether a status of the video allows another attempt. @param {string} status */
export const allowsRetry = (status) => !["logged out", "gone", "FAILED"].includes(status);

/** Whether hls.js cannot go on after an error. From a closed MediaSource it recovers itself, but at the
    time that the browser tells then: in WebKitGTK the start.
    @param {{ fatal: boolean, details: string }} error */
export const needsRestart = ({ fatal, details }) => fatal || details === "mediaSourceRequiresReset";
