import assert from "node:assert/strict";
import { test } from "node:test";
import {
  isSameFile,
  MAX_TITLE,
  numbered,
  problemWith,
  titleOf,
} from "../../static/js/upload/files.js";

const MB = 1024 ** 2;
const LIMITS = {
  accepted: ["mp4", "mov"],
  extensions: ["mp4", "m4v", "3gp", "mov", "qt"],
  maxBytes: 100 * MB,
  left: { quota: 50 * MB, storage: null },
  resets: "Monday",
};

const TITLES = [
  ["holiday_at-sea.mp4", "holiday at-sea"],
  ["holiday-at-sea.mp4", "holiday at sea"],
  ["2026-08-01.mov", "2026-08-01"], // dates keep their hyphens
  ["a.b.c.mp4", "a b c"],
  ["My video.v2.mp4", "My video.v2"], // a name with spaces keeps its dots
  ["  __ .mp4", "Untitled"],
  ["noextension", "noextension"],
];

for (const [name, title] of TITLES) {
  test(`the title of ${name} is ${title}`, () => assert.equal(titleOf(name), title));
}

test("a title is cut at its limit", () => {
  assert.equal(titleOf(`${"x".repeat(300)}.mp4`).length, MAX_TITLE);
});

test("numbers have as many digits as the last one", () => {
  assert.equal(numbered("Holiday", 2, 12), "Holiday 02");
  assert.equal(numbered("Holiday", 2, 9), "Holiday 2");
  assert.equal(numbered("Holiday", 1, 1), "Holiday");
});

test("a long name leaves room for its number", () => {
  const title = numbered("x".repeat(300), 7, 10);
  assert.equal(title.length, MAX_TITLE);
  assert.ok(title.endsWith(" 07"));
});

test("a file is the same by name, size and time", () => {
  const file = { name: "a.mp4", size: 1, lastModified: 1 };
  assert.ok(isSameFile(file, { ...file }));
  assert.ok(!isSameFile(file, { ...file, name: "b.mp4" }));
  assert.ok(!isSameFile(file, { ...file, size: 2 }));
  assert.ok(!isSameFile(file, { ...file, lastModified: 2 }));
});

test("a file that fits has no problem", () => {
  assert.equal(problemWith({ name: "a.MP4", size: 50 * MB }, LIMITS), "");
  assert.equal(
    problemWith(
      { name: "a.mov", size: 100 * MB },
      {
        ...LIMITS,
        left: { quota: null, storage: null },
      },
    ),
    "",
  );
});

for (const name of ["IMG_1.MOV", "a.m4v", "a.3GP", "a.qt", "video", "VID 2026.05", ".mp4", "a."]) {
  test(`${name} may be a video`, () => assert.equal(problemWith({ name, size: 1 }, LIMITS), ""));
}

test("a file needs storage", () => {
  const problem = (storage) =>
    problemWith({ name: "a.mp4", size: 3 * MB }, { ...LIMITS, left: { quota: null, storage } });
  assert.equal(problem(3 * MB), "");
  assert.match(problem(2 * MB), /is 3 MB, but your storage has room for 2 MB\. Delete videos/);
  assert.match(problem(0), /^Your storage is full\. Delete videos/);
});

test("the first problem of a file is named", () => {
  const problem = (name, size) => problemWith({ name, size }, LIMITS);
  assert.match(problem("a.txt", 1), /Use MP4, MOV\.$/);
  assert.match(problem("a.mp4.part", 1), /Use MP4, MOV\.$/);
  assert.match(problem("a.mp4", 0), /is empty/);
  assert.match(problem("a.mp4", 101 * MB), /101 MB\. The limit is 100 MB per file/);
  assert.match(problem("a.mp4", 51 * MB), /51 MB, but you have 50 MB left until Monday/);
});
