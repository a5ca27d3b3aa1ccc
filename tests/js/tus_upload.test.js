import assert from "node:assert/strict";
import { test } from "node:test";
import { SpeedMeter } from "../../static/js/upload/speed_meter.js";
import { isTemporary, nextPartSize, retryDelay } from "../../static/js/upload/tus_upload.js";

const MIB = 1024 ** 2;

test("attempts become rarer, and never end", () => {
  assert.deepEqual([0, 1, 2, 3, 4, 5, 6, 100].map(retryDelay), [1, 2, 4, 8, 15, 30, 30, 30]);
});

test("what may pass is tried again, what the site has decided is not", () => {
  for (const status of [0, 409, 423, 429, 500, 502, 503, 504]) assert.ok(isTemporary(status));
  for (const status of [400, 404, 410, 413, 415, 422, 507]) assert.ok(!isTemporary(status));
});

test("a part takes about twenty seconds, within its limits", () => {
  assert.equal(nextPartSize(8 * MIB, 10_000), 16 * MIB);
  assert.equal(nextPartSize(8 * MIB, 1), 64 * MIB);
  assert.equal(nextPartSize(8 * MIB, 0), 64 * MIB);
  assert.equal(nextPartSize(MIB, 600_000), MIB);
});

test("the speed is that of the last seconds", () => {
  const meter = new SpeedMeter();
  assert.equal(meter.speed, 0);
  meter.note(0, 100);
  assert.equal(meter.speed, 0);
  meter.note(1000, 100.4);
  assert.equal(meter.speed, 0); // too early to tell
  meter.note(1000, 101);
  assert.equal(meter.speed, 2000);
  for (let second = 102; second <= 120; second += 1) meter.note(10, second);
  assert.equal(Math.round(meter.speed), 10);
});

test("fewer bytes than before start the measurement again", () => {
  const meter = new SpeedMeter();
  meter.note(1000, 100);
  meter.note(1000, 101);
  meter.note(-500, 102);
  assert.equal(meter.speed, 0);
});
