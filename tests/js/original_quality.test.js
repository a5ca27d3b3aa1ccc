import assert from "node:assert/strict";
import { test } from "node:test";
import * as frames from "../../static/js/frame_counts.js";
import * as original from "../../static/js/original_quality.js";
import * as playback from "../../static/js/playback_state.js";

const level = (name, height, more = {}) => ({
  url: [`https://clips.example/v/abc/${name}.m3u8?v=1`],
  width: Math.round((height * 16) / 9),
  height,
  bitrate: 4_000_000,
  frameRate: 30,
  videoCodec: "avc1.640028",
  audioCodec: "mp4a.40.2",
  codecSet: "avc1,mp4a",
  videoRange: "SDR",
  attrs: {},
  ...more,
});
const best = level("original", 2160, { videoCodec: "hvc1.2.4.L153.B0", codecSet: "hvc1,mp4a" });
const levels = [level("480p", 480), level("1080p", 1080), best];

test("original quality is known by the address of its playlist", () => {
  assert.ok(original.isOriginalQuality(best));
  assert.ok(!original.isOriginalQuality(levels[0]));
  assert.ok(!original.isOriginalQuality(level("original_cut", 480)));
  assert.ok(!original.isOriginalQuality(undefined));
});

test("original quality is offered first, then each short side once", () => {
  assert.deepEqual(original.choicesAmong(levels), ["original", 1080, 480]);
  assert.deepEqual(original.choicesAmong([...levels, level("source", 1080)]), [
    "original",
    1080,
    480,
  ]);
  assert.deepEqual(original.choicesAmong([level("upright", 1080, { width: 480 })]), [480]);
  assert.deepEqual(original.choicesAmong([]), []);
});

test("the choice that is nearest from below is played", () => {
  const choices = ["original", 1080, 480];
  assert.equal(original.nearest(choices, "original"), "original");
  assert.equal(original.nearest(choices, 2160), 1080);
  assert.equal(original.nearest(choices, 720), 480);
  assert.equal(original.nearest(choices, 240), undefined);
  assert.equal(original.nearest(choices, null), undefined);
  assert.equal(original.nearest([1080, 480], "original"), 1080);
});

test("a browser is asked about the codecs, the size and the dynamic range", () => {
  const { type, video, audio } = original.decodingQuestion(best);
  assert.equal(type, "media-source");
  assert.equal(video.contentType, 'video/mp4; codecs="hvc1.2.4.L153.B0"');
  assert.equal(audio.contentType, 'audio/mp4; codecs="mp4a.40.2"');
  assert.deepEqual([video.width, video.height, video.framerate], [3840, 2160, 30]);
  assert.ok(!("transferFunction" in video));
  const hdr = original.decodingQuestion({ ...best, videoRange: "PQ" }).video;
  assert.deepEqual([hdr.transferFunction, hdr.colorGamut], ["pq", "rec2020"]);
  assert.equal(
    original.decodingQuestion({ ...best, videoRange: "HLG" }).video.transferFunction,
    "hlg",
  );
  // hls.js's Level computes it.
  const computed = Object.create({ videoRange: "PQ" }, Object.getOwnPropertyDescriptors(best));
  delete computed.videoRange;
  assert.equal(original.decodingQuestion(computed).video.transferFunction, "pq");
});

test("an upright video is asked about as it is stored, a silent one without sound", () => {
  const upright = { ...best, width: 2160, height: 3840, audioCodec: undefined, frameRate: 0 };
  const { video, ...rest } = original.decodingQuestion(upright);
  assert.deepEqual([video.width, video.height, video.framerate], [3840, 2160, 30]);
  assert.deepEqual(rest, { type: "media-source" });
});

test("what is not smooth is not played, unless the browser says so of everything", () => {
  const of = (supported, smooth, easy) =>
    original.playabilityOf({ supported, smooth }, { supported: true, smooth: easy });
  assert.equal(of(true, true, true), "full");
  assert.equal(of(true, false, true), "none");
  assert.equal(of(true, false, false), "by choice");
  assert.equal(of(false, true, true), "none");
});

test("hls.js gets the levels that can take the place of each other", () => {
  const plan = (playability, changes) =>
    original.planLevels({
      playability,
      hasH264: true,
      isComplete: true,
      prefersOriginal: false,
      ...changes,
    });
  assert.equal(plan("full"), "both");
  assert.equal(plan("none"), "h264");
  assert.equal(plan("none", { hasH264: false }), "nothing");
  assert.equal(plan("full", { hasH264: false, isComplete: false }), "original");
  assert.equal(plan("by choice", { hasH264: false, isComplete: false }), "original");
  // Another codec would cost such a browser the SourceBuffer.
  assert.equal(plan("by choice"), "h264");
  assert.equal(plan("by choice", { prefersOriginal: true }), "original");
  // A growing rendition may end before the position.
  assert.equal(plan("full", { isComplete: false }), "h264");
  assert.equal(plan("full", { isComplete: false, prefersOriginal: true }), "original");
});

test("a level is marked so that hls.js takes it for one like the others", () => {
  const marked = structuredClone({ ...best, videoRange: "PQ", frameRate: 23.976 });
  original.markLike(marked, levels[1]);
  assert.deepEqual(
    [marked.codecSet, marked.frameRate, marked.attrs["VIDEO-RANGE"]],
    ["avc1,mp4a", 30, "SDR"],
  );
});

test("original quality is taken with bandwidth to spare", () => {
  assert.ok(original.isAffordable(best, 6_000_000));
  assert.ok(!original.isAffordable(best, 5_000_000));
});

test("errors of the media are the rendition's fault, a lost connection is not", () => {
  const is = (error) => original.isFaulty({ fatal: false, ...error });
  for (const details of ["bufferAppendError", "fragParsingError", "mediaSourceRequiresReset"]) {
    assert.ok(is({ type: "mediaError", details }));
  }
  for (const details of ["bufferStalledError", "bufferNudgeOnStall", "bufferFullError"]) {
    assert.ok(!is({ type: "mediaError", details }));
  }
  const lost = { type: "networkError", details: "fragLoadError" };
  assert.ok(is({ ...lost, fatal: true, response: { code: 404 } }));
  assert.ok(!is({ ...lost, fatal: false, response: { code: 404 } })); // hls.js tries again
  assert.ok(!is({ ...lost, fatal: true, response: { code: 0 } }));
  assert.ok(!is({ ...lost, fatal: true }));
  assert.ok(!is({ type: "otherError", details: "aborted" }));
});

const counted = (at, time, frames, dropped = 0) => ({ at, time, frames, dropped });

test("a picture that never comes is noticed, one that stands is not", () => {
  assert.ok(frames.isBlind(counted(0, 0, 50), counted(3000, 3, 50)));
  assert.ok(!frames.isBlind(counted(0, 0, 50), counted(3000, 3, 51)));
  assert.ok(!frames.isBlind(counted(0, 0, 50), counted(3000, 1, 50))); // it hardly plays
});

test("a browser that drops most frames is slow, unless the screen is", () => {
  const before = counted(0, 0, 0);
  assert.ok(frames.isJerky(before, counted(5000, 5, 150, 100))); // 10 of 30 a second
  assert.ok(!frames.isJerky(before, counted(5000, 5, 150, 50)));
  assert.ok(!frames.isJerky(before, counted(5000, 5, 600, 310))); // 58 of 120 a second
  assert.ok(!frames.isLongEnough(before, counted(4000, 4, 0)));
});

test("the playlist of original quality says nothing about the other renditions", () => {
  const growing = playback.initialState(true);
  const state = playback.playlistLoaded(growing, { live: false, edge: 60, isOriginal: true });
  assert.ok(state.isProcessing);
  assert.ok(!state.isComplete);
  assert.equal(playback.secondsAhead(state, 10), Infinity); // so it is never held
  assert.equal(playback.dataRanOut(state, 10), state);
});
