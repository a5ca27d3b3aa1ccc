import assert from "node:assert/strict";
import { test } from "node:test";
import * as playback from "../../static/js/playback_state.js";
import { messageFor } from "../../static/js/video_status.js";
import { watchedIn } from "../../static/js/watch_progress.js";

/** A video of which so many seconds are published. */
const growing = (edge) =>
  playback.playlistLoaded(playback.initialState(true), { live: true, edge });

test("a complete video is never held", () => {
  const state = playback.initialState(false);
  assert.equal(playback.secondsAhead(state, 10), Infinity);
  assert.equal(playback.dataRanOut(state, 10), state);
  assert.ok(!playback.playStarted(state, 10).isHeld);
});

test("playback begins once a second is published", () => {
  const begun = playback.playStarted(growing(0.5), 0);
  assert.ok(begun.isHeld);
  const more = { ...begun, edge: 1 };
  assert.ok(!playback.aheadChanged(more, 0).isHeld);
  const short = playback.playlistLoaded(begun, { live: false, edge: 0.7 });
  assert.ok(!playback.aheadChanged(short, 0).isHeld);
});

test("at the end of what is published playback is held until enough lies ahead", () => {
  let state = playback.dataRanOut(growing(20), 19.5);
  assert.ok(state.isHeld);
  assert.equal(state.ahead, 8);
  state = playback.playlistLoaded(state, { live: true, edge: 27 });
  assert.equal(playback.aheadChanged(state, 19.5), state); // 7.5 s are not enough
  state = playback.playlistLoaded(state, { live: true, edge: 28 });
  assert.ok(!playback.aheadChanged(state, 19.5).isHeld);
});

test("each further pause waits for twice as much, up to a limit", () => {
  let state = growing(20);
  const waits = [];
  for (let n = 0; n < 5; n += 1) {
    state = playback.dataRanOut({ ...state, isHeld: false }, 20);
    waits.push(state.ahead);
  }
  assert.deepEqual(waits, [8, 16, 32, 32, 32]);
});

test("data that is still on its way is no reason to hold", () => {
  const state = growing(20);
  assert.equal(playback.dataRanOut(state, 15), state);
});

test("play is held again while too little lies ahead", () => {
  const held = playback.dataRanOut(growing(20), 19.5);
  assert.ok(playback.playStarted(held, 19.5).isHeld);
  assert.ok(!playback.playStarted(held, 5).isHeld); // after a seek backwards
});

test("a video that is complete or has failed plays to its end", () => {
  const held = playback.dataRanOut(growing(20), 19.5);
  const complete = playback.playlistLoaded(held, { live: false, edge: 22 });
  assert.ok(complete.isComplete);
  assert.ok(!playback.aheadChanged(complete, 19.5).isHeld);
  assert.ok(!playback.aheadChanged({ ...held, isProcessing: false }, 19.5).isHeld);
});

test("three failures in one place are enough; progress forgives them", () => {
  let state = playback.initialState(false);
  for (let n = 0; n < 3; n += 1) {
    assert.ok(playback.hasTriesLeft(state));
    state = playback.retryScheduled(playback.loadFailed(state, 10), true);
  }
  assert.ok(!playback.hasTriesLeft(playback.loadFailed(state, 12)));
  assert.ok(playback.hasTriesLeft(playback.loadFailed(state, 16)));
});

test("attempts without a connection do not count", () => {
  const state = playback.retryScheduled(playback.initialState(false), false);
  assert.equal(state.tries, 0);
});

test("the first attempt uses the known addresses, later ones ask for them", () => {
  const state = playback.retryScheduled(playback.initialState(false), true);
  assert.ok(playback.mayReuseAddresses(state));
  assert.ok(!playback.mayReuseAddresses(playback.retryScheduled(state, true)));
});

test("hls.js is started again three times after a stall", () => {
  const state = playback.initialState(false);
  assert.ok(playback.mayRestart({ ...state, stalls: 3 }));
  assert.ok(!playback.mayRestart({ ...state, stalls: 4 }));
});

test("transitions leave the state that they get as it is", () => {
  const state = Object.freeze(playback.initialState(true));
  playback.playlistLoaded(state, { live: true, edge: 1 });
  playback.dataRanOut(state, 1);
  playback.loadFailed(state, 1);
  assert.deepEqual(state, playback.initialState(true));
});

test("only what can pass is tried again, and each reason has a message", () => {
  for (const status of ["logged out", "gone", "FAILED"]) assert.ok(!playback.allowsRetry(status));
  for (const status of ["unreachable", "busy", "PROCESSING", "COMPLETED"]) {
    assert.ok(playback.allowsRetry(status));
  }
  assert.notEqual(messageFor("gone", true), messageFor("gone", false));
  assert.equal(messageFor("PROCESSING", false), messageFor("PENDING", false));
});

test("seeks are not watched, and speed is taken into account", () => {
  assert.equal(watchedIn(0.25, 1), 0.25);
  assert.equal(watchedIn(30, 1), 0);
  assert.equal(watchedIn(-5, 1), 0);
  assert.equal(watchedIn(3, 2), 3);
  assert.equal(watchedIn(2, 1), 0);
});

test("a closed MediaSource and fatal errors need another instance of hls.js", () => {
  const details = "mediaSourceRequiresReset";
  assert.ok(playback.needsRestart({ fatal: false, details }));
  assert.ok(playback.needsRestart({ fatal: true, details: "fragParsingError" }));
  assert.ok(!playback.needsRestart({ fatal: false, details: "bufferStalledError" }));
});
