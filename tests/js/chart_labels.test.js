import assert from "node:assert/strict";
import { test } from "node:test";
import { byteStep, shorten } from "../../static/js/chart_labels.js";

const GB = 1024 ** 3;
const STEPS = [
  [0, 1],
  [4, 1],
  [5, 2],
  [4 * 1023, 1024],
  [4096, 1024],
  [5 * GB, 2 * GB],
  [79 * GB, 20 * GB],
  [3000 * GB, 1024 * GB],
  [2 ** 53, 2 * 1024 ** 5],
];

for (const [largest, step] of STEPS) {
  test(`sizes up to ${largest} have lines every ${step} bytes`, () => {
    assert.equal(byteStep(largest, 4), step);
  });
}

test("long names are shortened between letters", () => {
  assert.equal(shorten("alice"), "alice");
  assert.equal(shorten("Konstantin_von_und_zu"), "Konstantin_von_un…");
  assert.equal(shorten("🎬".repeat(20)), `${"🎬".repeat(17)}…`);
});
