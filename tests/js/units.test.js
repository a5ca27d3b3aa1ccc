import assert from "node:assert/strict";
import { test } from "node:test";
import { clock, duration, fileSize } from "../../static/js/units.js";

const SIZES = [
  [0, "0 bytes"],
  [1, "1 byte"],
  [1023, "1023 bytes"],
  [1024, "1 KB"],
  [1536, "1.5 KB"],
  [9.94 * 1024, "9.9 KB"],
  [9.96 * 1024, "10 KB"],
  [1023.4 * 1024, "1,023 KB"],
  [1023.6 * 1024, "1 MB"], // never "1,024 KB"
  [1395864371, "1.3 GB"],
  [5000 * 1024 ** 4, "5,000 TB"],
];

const DURATIONS = [
  [0, "a few seconds"],
  [9.9, "a few seconds"],
  [10, "less than a minute"],
  [59.9, "less than a minute"],
  [60, "about 1 minute"],
  [90, "about 2 minutes"],
  [59.4 * 60, "about 59 minutes"],
  [59.6 * 60, "about 1 hour"],
  [89 * 60, "about 1 hour"],
  [90 * 60, "about 2 hours"],
];

const CLOCKS = [
  [0, "0:00"],
  [9.9, "0:09"],
  [83, "1:23"],
  [3599, "59:59"],
  [3600, "1:00:00"],
  [36_061, "10:01:01"],
];

for (const [bytes, text] of SIZES) {
  test(`${bytes} bytes are ${text}`, () => assert.equal(fileSize(bytes), text));
}
for (const [seconds, text] of DURATIONS) {
  test(`${seconds} s are ${text}`, () => assert.equal(duration(seconds), text));
}
for (const [seconds, text] of CLOCKS) {
  test(`${seconds} s on a clock are ${text}`, () => assert.equal(clock(seconds), text));
}
