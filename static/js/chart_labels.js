/** What stands at the axes of charts. */

const MAX_NAME = 18; // characters
const ROUND = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1024];

/** The distance of about `lines` lines up to `largest`, a round size: (5 * 1024 ** 3, 4) -> 2 GB
    @param {number} largest @param {number} lines */
export function byteStep(largest, lines) {
  const least = Math.max(largest / lines, 1);
  const unit = 1024 ** Math.floor(Math.log2(least) / 10);
  return (ROUND.find((n) => n * unit >= least) ?? 1024) * unit;
}

/** @param {string} name */
export function shorten(name) {
  const letters = [...name];
  if (letters.length <= MAX_NAME) return name;
  const start = letters.slice(0, MAX_NAME - 1).join("");
  return `${start.trimEnd()}…`;
}
