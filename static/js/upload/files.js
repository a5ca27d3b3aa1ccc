/** What can be said of files before anything is sent. */
import { fileSize } from "../units.js";

export const MOST_TITLE = 200; // characters

/** As clipset/lib/text.py makes a title: "holiday_at-sea.mp4" -> "holiday at-sea" */
export function titleOf(name) {
  let stem = name.replace(/\.\w{1,5}$/, "");
  if (!stem.includes(" ")) {
    if (!stem.includes("_")) stem = stem.replace(/(?<!\d)-+|-+(?!\d)/g, " ");
    stem = stem.replaceAll(".", " ");
  }
  const title = stem.replaceAll("_", " ").replace(/\s+/g, " ").trim();
  return title.slice(0, MOST_TITLE) || "Untitled";
}

/** "Holiday", 2 of 12 -> "Holiday 02": equally long, so that lists sort them as they come. */
export function numbered(name, number, count) {
  const digits = String(number).padStart(String(count).length, "0");
  return count === 1 ? name : `${name.slice(0, MOST_TITLE - digits.length - 1)} ${digits}`;
}

/** Whether two are the same file, as far as a page can tell. */
export function isSame(one, other) {
  return (
    one.name === other.name && one.size === other.size && one.lastModified === other.lastModified
  );
}

/** Why a file can't be sent, as a sentence; "" when it can. `limits`: accepted (extensions), most
 * and left (bytes; left is null for those without a quota), resets (a weekday). */
export function problemWith(file, { accepted, most, left, resets }) {
  const kind = file.name.includes(".") ? file.name.split(".").pop().toLowerCase() : "";
  if (!accepted.includes(kind)) {
    const kinds = accepted.map((name) => name.toUpperCase()).join(", ");
    return `This is not a kind of file that can be taken. Choose one of ${kinds}.`;
  }
  if (!file.size) return "This file is empty. Choose another one.";
  if (file.size > most) {
    return `This file has ${fileSize(file.size)}; at most ${fileSize(most)} can be sent.`;
  }
  if (left !== null && file.size > left) {
    return (
      `This file has ${fileSize(file.size)}, but ${fileSize(left)} are left until ${resets}. ` +
      "Choose a shorter one, or wait until then."
    );
  }
  return "";
}
