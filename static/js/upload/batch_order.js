/** The order of a batch, and what is wrong with its files. All functions are pure. */
import { duration, fileSize } from "../units.js";
import { isSameFile, MAKE_ROOM, problemWith } from "./files.js";

/** Sorts chosen files into those to add, those that the list has already, and those too many.
    @param {File[]} files @param {File[]} listed @param {number} room how many can be added */
export function sortFiles(files, listed, room) {
  const duplicates = files.filter(
    (file, at) =>
      listed.some((other) => isSameFile(other, file)) ||
      files.slice(0, at).some((other) => isSameFile(other, file)),
  );
  const fresh = files.filter((file) => !duplicates.includes(file));
  const added = fresh.slice(0, Math.max(0, room));
  return { added, duplicates, leftOut: fresh.slice(added.length) };
}

/** Says which files were not added; "" if all were.
    @param {{ duplicates: File[], leftOut: File[] }} sorted @param {number} max */
export function messageAbout({ duplicates, leftOut }, max) {
  const sentences = [];
  if (duplicates.length) {
    const verb = duplicates.length === 1 ? "is" : "are";
    sentences.push(`${quoted(duplicates)} ${verb} already in the list.`);
  }
  if (leftOut.length) {
    const verb = leftOut.length === 1 ? "was" : "were";
    sentences.push(
      `You can upload up to ${max} videos at a time. ${quoted(leftOut)} ${verb} left out.`,
    );
  }
  return sentences.join(" ");
}

/** What is wrong with each video; "" where nothing is. Quota and storage go to the first ones.
    @param {{ name: string, size: number, title: string }[]} videos
    @param {UploadLimits} limits @param {UploadRoom} room */
export function problemsOf(videos, limits, room) {
  const left = { ...room };
  return videos.map((video) => {
    const problem = problemWith(video, { ...limits, left: room }) || lackOf(video, left, limits);
    if (problem) return problem;
    if (left.quota !== null) left.quota -= video.size;
    if (left.storage !== null) left.storage -= video.size;
    return video.title.trim() ? "" : "Give this video a title.";
  });
}

/** What a video lacks because of those above it.
    @param {{ size: number }} video @param {UploadRoom} left @param {UploadLimits} limits */
function lackOf(video, left, limits) {
  const sentence = `This file is ${fileSize(video.size)}, and the videos above it leave`;
  if (left.quota !== null && video.size > left.quota) {
    return `Not enough quota left. ${sentence} ${fileSize(left.quota)} until ${limits.resets}.`;
  }
  if (left.storage !== null && video.size > left.storage) {
    return `Not enough storage left. ${sentence} ${fileSize(left.storage)}. ${MAKE_ROOM}`;
  }
  return "";
}

/** What is left after videos of this size, as a sentence: of storage if that is less than the quota;
    "" without a limit. @param {number} size @param {UploadRoom} room @param {string} resets */
export function leftAfter(size, { quota, storage }, resets) {
  if (storage !== null && (quota === null || storage < quota)) {
    return size > storage ? "" : `${fileSize(storage - size)} of storage left.`;
  }
  return quota === null || size > quota ? "" : `${fileSize(quota - size)} left until ${resets}.`;
}

/** Moves a video to a place among those that are not uploaded yet, which come last.
    @template {{ state: string }} Row
    @param {Row[]} rows @param {Row} row @param {number} at @returns {Row[]} */
export function moved(rows, row, at) {
  const chosen = rows.filter((it) => it.state === "chosen" && it !== row);
  chosen.splice(Math.max(0, Math.min(at, chosen.length)), 0, row);
  return [...rows.filter((it) => it.state !== "chosen"), ...chosen];
}

/** The video to upload next. Those that the site does not know come first: once it knows them, their
    details and quota outlive this page.
    @template {{ state: string, transfer: { url: string } | null }} Row
    @param {Row[]} rows @returns {Row | undefined} */
export function nextOf(rows) {
  const waiting = rows.filter((row) => row.state === "waiting");
  return waiting.find((row) => !row.transfer?.url) ?? waiting[0];
}

/** The progress of several uploads.
    @param {{ size: number, sent: number }[]} rows @param {number} speed bytes per second, or 0 */
export function totalOf(rows, speed) {
  const size = rows.reduce((sum, row) => sum + row.size, 0);
  const sent = rows.reduce((sum, row) => sum + row.sent, 0);
  const left = speed ? duration((size - sent) / speed) : "";
  return {
    count: rows.length,
    percent: size ? Math.floor((100 * sent) / size) : 0,
    rate: speed ? `${fileSize(Math.round(speed))}/s, ${left} left` : "",
  };
}

/** @param {File[]} files */
function quoted(files) {
  const names = files.slice(0, 3).map((file) => `“${file.name}”`);
  if (files.length > 3) names.push(`${files.length - 3} more`);
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}
