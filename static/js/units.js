/** Formats file sizes and times for people, as clipset/lib/units.py does. */

const UNITS = ["KB", "MB", "GB", "TB"];

/** 1395864371 -> "1.3 GB" @param {number} bytes */
export function fileSize(bytes) {
  if (bytes < 1024) return bytes === 1 ? "1 byte" : `${bytes} bytes`;
  let value = bytes / 1024;
  let unit = 0;
  while (Math.round(value) >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const rounded = Math.round(value * 10) / 10;
  return `${rounded < 10 ? rounded : Math.round(value).toLocaleString("en")} ${UNITS[unit]}`;
}

/** Seconds -> "a few seconds", "about 2 minutes" @param {number} seconds */
export function duration(seconds) {
  if (seconds < 10) return "a few seconds";
  if (seconds < 60) return "less than a minute";
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return minutes === 1 ? "about 1 minute" : `about ${minutes} minutes`;
  const hours = Math.round(seconds / 3600);
  return hours === 1 ? "about 1 hour" : `about ${hours} hours`;
}

/** 83 -> "1:23" @param {number} seconds */
export function clock(seconds) {
  const whole = Math.floor(seconds);
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const shown = parts[0] ? parts : parts.slice(1);
  return shown.map((n, i) => (i ? String(n).padStart(2, "0") : n)).join(":");
}
