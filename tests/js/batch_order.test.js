import assert from "node:assert/strict";
import { test } from "node:test";
import {
  leftAfter,
  messageAbout,
  moved,
  nextOf,
  problemsOf,
  sortFiles,
  totalOf,
} from "../../static/js/upload/batch_order.js";

const MB = 1024 ** 2;
const LIMITS = {
  accepted: ["mp4"],
  extensions: ["mp4"],
  maxBytes: 100 * MB,
  resets: "Monday",
};
const NO_LIMITS = { quota: null, storage: null };
const file = (name) => ({ name, size: 1, lastModified: 1 });
const [a, b, c] = ["a.mp4", "b.mp4", "c.mp4"].map(file);

test("files that are listed already or chosen twice are not added", () => {
  assert.deepEqual(sortFiles([a, b, file("b.mp4")], [file("a.mp4")], 20), {
    added: [b],
    duplicates: [a, file("b.mp4")],
    leftOut: [],
  });
});

test("files beyond the limit are left out, in their order", () => {
  assert.deepEqual(sortFiles([a, b, c], [], 1), { added: [a], duplicates: [], leftOut: [b, c] });
  assert.deepEqual(sortFiles([a], [], -3).leftOut, [a]);
});

test("a message names at most three files of a kind", () => {
  assert.equal(messageAbout({ duplicates: [], leftOut: [] }, 20), "");
  assert.equal(
    messageAbout({ duplicates: [a], leftOut: [b, c] }, 20),
    "“a.mp4” is already in the list. " +
      "You can upload up to 20 videos at a time. “b.mp4” and “c.mp4” were left out.",
  );
  const many = ["1", "2", "3", "4", "5"].map(file);
  assert.match(
    messageAbout({ duplicates: many, leftOut: [] }, 20),
    /“3” and 2 more are already in the list/,
  );
});

test("the quota goes to the first videos", () => {
  const video = (size) => ({ name: "a.mp4", size, title: "A" });
  const problems = problemsOf([video(30 * MB), video(30 * MB), video(20 * MB)], LIMITS, {
    quota: 50 * MB,
    storage: null,
  });
  assert.equal(problems[0], "");
  assert.match(problems[1], /is 30 MB, and the videos above it leave 20 MB until Monday/);
  assert.equal(problems[2], ""); // what the second one does not take is left
  assert.deepEqual(problemsOf([video(90 * MB), video(90 * MB)], LIMITS, NO_LIMITS), ["", ""]);
});

test("the storage goes to the first videos, too", () => {
  const video = (size) => ({ name: "a.mp4", size, title: "A" });
  const room = { quota: 100 * MB, storage: 50 * MB };
  const problems = problemsOf([video(30 * MB), video(30 * MB), video(60 * MB)], LIMITS, room);
  assert.equal(problems[0], "");
  assert.match(problems[1], /Not enough storage left.* the videos above it leave 20 MB\. Delete/);
  assert.match(problems[2], /is 60 MB, but your storage has room for 50 MB\. Delete videos/);
  const quota = problemsOf([video(30 * MB)], LIMITS, { quota: 20 * MB, storage: 10 * MB });
  assert.match(quota[0], /20 MB left until Monday/, "the quota comes first, as on the site");
});

test("what is less is said to be left", () => {
  const after = (quota, storage) => leftAfter(MB, { quota, storage }, "Monday");
  assert.equal(after(null, null), "");
  assert.equal(after(3 * MB, null), "2 MB left until Monday.");
  assert.equal(after(3 * MB, 9 * MB), "2 MB left until Monday.");
  assert.equal(after(9 * MB, 3 * MB), "2 MB of storage left.");
  assert.equal(after(null, 3 * MB), "2 MB of storage left.");
  assert.equal(after(null, 0), "");
  assert.equal(after(0, null), "");
});

test("a video without a title has a problem", () => {
  const problems = problemsOf([{ name: "a.mp4", size: 1, title: " " }], LIMITS, NO_LIMITS);
  assert.deepEqual(problems, ["Give this video a title."]);
});

test("a video moves among those that are not uploaded yet, which come last", () => {
  const [sent, one, two, three] = ["made", "chosen", "chosen", "chosen"].map((state) => ({
    state,
  }));
  const rows = [one, sent, two, three];
  assert.deepEqual(moved(rows, three, 0), [sent, three, one, two]);
  assert.deepEqual(moved(rows, one, 1), [sent, two, one, three]);
  assert.deepEqual(moved(rows, one, 99), [sent, two, three, one]);
  assert.deepEqual(moved(rows, three, -1), [sent, three, one, two]);
});

test("videos that the site does not know are next", () => {
  const known = { state: "waiting", transfer: { url: "/uploads/1" } };
  const unknown = { state: "waiting", transfer: { url: "" } };
  const paused = { state: "paused", transfer: { url: "" } };
  assert.equal(nextOf([paused, known, unknown]), unknown);
  assert.equal(nextOf([paused, known]), known);
  assert.equal(nextOf([paused]), undefined);
});

test("the total counts bytes, not videos", () => {
  const rows = [
    { size: 90 * MB, sent: 90 * MB },
    { size: 10 * MB, sent: 0 },
  ];
  assert.deepEqual(totalOf(rows, MB), {
    count: 2,
    percent: 90,
    rate: "1 MB/s, less than a minute left",
  });
  assert.equal(totalOf(rows, 0).rate, "");
  assert.deepEqual(totalOf([], 0), { count: 0, percent: 0, rate: "" });
});
