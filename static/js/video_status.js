/** Asks the site about a video that does not play, and says why it does not. */

export const STILL = "Still being made. It goes on by itself.";
export const OFFLINE = "No connection. It goes on as soon as there is one.";
export const BUSY = "Too many videos are being watched just now. It goes on by itself.";
export const NO_MORE = "No more of it will be made.";
const GONE = "This video is not there any more.";
const CLOSED = "This link is closed. Ask for another one.";

/** The processing status, or "unreachable", "logged out", "gone".
    @param {string} address @returns {Promise<string>} */
export async function fetchStatus(address) {
  try {
    const response = await fetch(address, { headers: { Accept: "application/json" } });
    if (response.status === 401) return "logged out";
    if (response.status === 404) return "gone";
    return (await response.json()).status;
  } catch {
    return "unreachable";
  }
}

/** Whether the site is too busy to send a file. A browser reports this like a file that it cannot
    play. @param {string} address */
export async function isRefused(address) {
  const request = new AbortController();
  try {
    const response = await fetch(address, { signal: request.signal });
    return [429, 503].includes(response.status);
  } catch {
    return false;
  } finally {
    request.abort(); // the body is not wanted
  }
}

/** Why a video does not play, for a status other than COMPLETED and "logged out".
    @param {string} status @param {boolean} isGuest */
export function messageFor(status, isGuest) {
  /** @type {Record<string, string>} */
  const messages = {
    gone: isGuest ? CLOSED : GONE,
    busy: BUSY,
    FAILED: NO_MORE,
    unreachable: OFFLINE,
  };
  return messages[status] ?? STILL;
}
