import assert from "node:assert/strict";
import { test } from "node:test";
import { setTrackNumbers, withOneTrackNumber } from "../../static/js/track_numbers.js";

/** @param {string} kind @param {...(number[])} contents */
function box(kind, ...contents) {
  const content = contents.flat();
  return [...number(8 + content.length), ...[...kind].map((c) => c.charCodeAt(0)), ...content];
}

/** @param {number} value as a number of 32 bits */
const number = (value) => [24, 16, 8, 0].map((shift) => (value >>> shift) & 255);
const FLAGS = number(0x020038);
const REST = number(7).concat(number(7), number(7));

/** @param {number} track */
function start(track) {
  const old = box("tkhd", number(3), number(0), number(0), number(track), REST);
  const large = box("tkhd", number(0x01000003), REST, number(0), number(track), REST);
  const values = box("mvex", box("trex", number(0), number(track), REST));
  const traks = [old, large].map((header) => box("trak", header, box("mdia", REST)));
  return [...box("ftyp", REST), ...box("moov", box("mvhd", REST), ...traks, values)];
}

/** @param {number} track */
function fragment(track) {
  const header = box("tfhd", FLAGS, number(track), REST);
  const media = box("mdat", box("tfhd", FLAGS, number(9)));
  const index = box("sidx", number(0), number(track), REST);
  return [
    ...index,
    ...box("moof", box("mfhd", REST), box("traf", header, box("trun", REST))),
    ...media,
  ];
}

/** @param {number[]} bytes */
function changed(bytes) {
  const data = Uint8Array.from(bytes);
  setTrackNumbers(new DataView(data.buffer));
  return [...data];
}

test("all sounds have the same number, and nothing else changes", () => {
  for (const track of [1, 2, 300]) {
    assert.deepEqual(changed(start(track)), start(1));
    assert.deepEqual(changed(fragment(track)), fragment(1));
  }
});

test("bytes that are no boxes, or cut ones, are left alone", () => {
  for (const bytes of [[], [0, 0, 0], number(0).concat(REST, REST), number(1).concat(REST, REST)]) {
    assert.deepEqual(changed(bytes), bytes);
  }
  const whole = fragment(2);
  for (let size = 0; size < whole.length; size += 1) {
    assert.equal(changed(whole.slice(0, size)).length, size);
  }
});

test("only sounds are changed as they are loaded", () => {
  class Loader {
    /** @param {any} context @param {any} _ @param {any} callbacks */
    load(context, _, callbacks) {
      callbacks.onSuccess({ data: Uint8Array.from(fragment(2)).buffer }, "stats", context);
    }
  }
  const loader = new (withOneTrackNumber(Loader))();
  const got = [];
  for (const type of ["audio", "main"]) {
    const onSuccess = (response, stats) => got.push([[...new Uint8Array(response.data)], stats]);
    loader.load({ frag: { type } }, {}, { onSuccess });
  }
  assert.deepEqual(got, [
    [fragment(1), "stats"],
    [fragment(2), "stats"],
  ]);
});
