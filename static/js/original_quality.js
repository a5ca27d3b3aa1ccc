/** What the player decides about original quality: the rendition with the uploaded picture, untouched,
    beside those in H.264. All functions are pure. */

export const ORIGINAL = "original";

const DEFAULT_FPS = 30; // where the playlist has no frame rate
// As hls.js asks of a level before it switches up (abrBandWidthUpFactor).
const BANDWIDTH_SHARE = 0.7;
// A browser that does not call even this smooth says so of everything (seen in WebKitGTK).
export const EASY_QUESTION = {
  type: "media-source",
  video: {
    contentType: 'video/mp4; codecs="avc1.42E01E"',
    width: 640,
    height: 360,
    bitrate: 800_000,
    framerate: DEFAULT_FPS,
  },
};
// Errors of hls.js that it handles itself, or that say nothing about the rendition.
const HARMLESS = [
  "bufferFullError",
  "bufferNudgeOnStall",
  "bufferSeekOverHole",
  "bufferStalledError",
  "manifestIncompatibleCodecsError",
];

/** @param {HlsLevel | undefined} level */
export const isOriginalQuality = (level) => /\/original\.m3u8(\?|$)/.test(level?.url[0] ?? "");

/** @param {HlsLevel} level */
export const shortSide = ({ width, height }) => Math.min(width, height);

/** What can be chosen, the best first: original quality, then short sides in pixels.
    @param {HlsLevel[]} levels @returns {QualityChoice[]} */
export function choicesAmong(levels) {
  const sides = levels.filter((level) => !isOriginalQuality(level)).map(shortSide);
  const sorted = [...new Set(sides)].sort((a, b) => b - a);
  return levels.some(isOriginalQuality) ? [ORIGINAL, ...sorted] : sorted;
}

/** The choice that comes nearest to what the member wants, from below; undefined: automatic.
    @param {QualityChoice[]} choices @param {QualityChoice | null} wanted */
export const nearest = (choices, wanted) =>
  wanted === ORIGINAL
    ? choices[0]
    : choices.find((choice) => choice !== ORIGINAL && wanted !== null && choice <= wanted);

/** @param {HlsLevel} level @param {QualityChoice | undefined} choice */
export const isOfChoice = (level, choice) =>
  choice === (isOriginalQuality(level) ? ORIGINAL : shortSide(level));

/** What the browser is asked about a level (https://w3c.github.io/media-capabilities/). Players that
    do not know its supplemental codecs decode the others. @param {HlsLevel} level */
export function decodingQuestion(level) {
  const { audioCodec, bitrate, frameRate, height, width } = level;
  const transferFunction = { PQ: "pq", HLG: "hlg", SDR: undefined }[level.videoRange];
  const video = {
    contentType: `video/mp4; codecs="${level.videoCodec}"`,
    // Phones store upright videos lying, and decoders have a maximum each way.
    width: Math.max(width, height),
    height: Math.min(width, height),
    bitrate,
    framerate: frameRate || DEFAULT_FPS,
    ...(transferFunction && { transferFunction, colorGamut: "rec2020" }),
  };
  const audio = audioCodec && { contentType: `audio/mp4; codecs="${audioCodec}"` };
  return { type: "media-source", video, ...(audio && { audio }) };
}

/** @param {DecodingAnswer} answer about original quality
    @param {DecodingAnswer} easy about EASY_QUESTION @returns {Playability} */
export function playabilityOf(answer, easy) {
  if (!answer.supported) return "none";
  if (answer.smooth) return "full";
  return easy.smooth ? "none" : "by choice";
}

/** Which levels an instance of hls.js gets.

    "both" lets hls.js choose between original quality and H.264 by bandwidth and size. That needs
    complete renditions, since a growing one may end before the position. It also needs a browser whose
    SourceBuffer.changeType() works, which WebKitGTK's does not: it loses the SourceBuffer.
    @param {QualityFacts} facts @returns {LevelPlan} */
export function planLevels({ playability, hasH264, isComplete, prefersOriginal }) {
  if (playability === "none") return hasH264 ? "h264" : "nothing";
  if (!hasH264) return "original";
  if (isComplete && playability === "full") return "both";
  return prefersOriginal ? "original" : "h264";
}

/** Lets hls.js choose a level automatically beside others of another codec. Its choice stays among
    levels with the same codecs and dynamic range and, upwards, with no lower frame rate; if none of them
    is quick enough, it takes the lowest level of all and never comes back (1.7.4, findBestLevel in
    abr-controller.ts). With the same marks as the others, original quality is one more level.
    @param {HlsLevel} level @param {HlsLevel} other the best of the others */
export function markLike(level, other) {
  level.codecSet = other.codecSet;
  level.frameRate = other.frameRate;
  level.attrs["VIDEO-RANGE"] = other.videoRange;
}

/** @param {HlsLevel} level @param {number} bandwidth as measured, in bit/s */
export const isAffordable = ({ bitrate }, bandwidth) => bitrate <= BANDWIDTH_SHARE * bandwidth;

/** Whether an error of hls.js while it plays original quality is the rendition's fault.
    @param {HlsError} error */
export const isFaulty = ({ type, details, fatal, response }) =>
  (type === "mediaError" && !HARMLESS.includes(details)) ||
  details === "internalException" ||
  // The site answered. Without a connection there is no status.
  (type === "networkError" && fatal && (response?.code ?? 0) >= 400);
