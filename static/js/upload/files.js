/** Titles of files, and what is wrong with a file before it is uploaded. */
import { fileSize } from "../units.js";

export const MAX_TITLE = 200; // characters
export const MAKE_ROOM = "Delete videos you no longer need, or ask an admin to raise your limit.";

/** Makes a title as clipset/lib/text.py does: "holiday_at-sea.mp4" -> "holiday at-sea"
    @param {string} name */
export function titleOf(name) {
  let stem = name.replace(/\.\w{1,5}$/, "");
  if (!stem.includes(" ")) {
    if (!stem.includes("_")) stem = stem.replace(/(?<!\d)-+|-+(?!\d)/g, " ");
    stem = stem.replaceAll(".", " ");
  }
  const title = stem.replaceAll("_", " ").replace(/\s+/g, " ").trim();
  return title.slice(0, MAX_TITLE) || "Untitled";
}

/** "Holiday", 2 of 12 -> "Holiday 02". All numbers have as many digits, so that sorting by title
    keeps the order.
    @param {string} name @param {number} number @param {number} count */
export function numbered(name, number, count) {
  const digits = String(number).padStart(String(count).length, "0");
  return count === 1 ? name : `${name.slice(0, MAX_TITLE - digits.length - 1)} ${digits}`;
}

/** Whether two files are the same, as far as a page can tell. @param {File} a @param {File} b */
export function isSameFile(a, b) {
  return a.name === b.name && a.size === b.size && a.lastModified === b.lastModified;
}

/** "a.MP4" -> "mp4"; "" for a name without extension, as Android's share sheet gives it: the site
    judges such a file by its contents. @param {string} name */
function extensionOf(name) {
  const dot = name.lastIndexOf(".");
  const extension = dot > 0 ? name.slice(dot + 1).toLowerCase() : "";
  return /^\d+$/.test(extension) ? "" : extension;
}

/** Why a file cannot be uploaded, as a sentence; "" if it can.
    @param {{ name: string, size: number }} file
    @param {UploadLimits & { left: UploadRoom }} limits */
export function problemWith(file, { accepted, extensions, maxBytes, left, resets }) {
  const extension = extensionOf(file.name);
  if (extension && !extensions.includes(extension)) {
    const kinds = accepted.map((name) => name.toUpperCase()).join(", ");
    return `This file type isn't supported. Use ${kinds}.`;
  }
  if (!file.size) return "This file is empty.";
  if (file.size > maxBytes) {
    return `This file is ${fileSize(file.size)}. The limit is ${fileSize(maxBytes)} per file.`;
  }
  if (left.quota !== null && file.size > left.quota) {
    return (
      `This file is ${fileSize(file.size)}, but you have ${fileSize(left.quota)} left until ` +
      `${resets}. Choose a smaller file, or wait until then.`
    );
  }
  if (left.storage === 0) return `Your storage is full. ${MAKE_ROOM}`;
  if (left.storage !== null && file.size > left.storage) {
    return (
      `This file is ${fileSize(file.size)}, but your storage has room for ` +
      `${fileSize(left.storage)}. ${MAKE_ROOM}`
    );
  }
  return "";
}
