/** Preferences that this browser keeps. All functions do nothing where storage is off or full. */

/** @param {string} key @returns {string | null} */
export function recall(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

/** @param {string} key @param {string | null} value null removes it */
export function remember(key, value) {
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch {
    // The preference is lost, and nothing else.
  }
}

/** Leaves a value for the next page in this tab. @param {string} key @param {string} value */
export function handOver(key, value) {
  try {
    sessionStorage.setItem(key, value);
  } catch {
    // As in remember().
  }
}

/** Takes the value that the previous page left. @param {string} key @returns {string | null} */
export function takeOver(key) {
  try {
    const value = sessionStorage.getItem(key);
    sessionStorage.removeItem(key);
    return value;
  } catch {
    return null;
  }
}
