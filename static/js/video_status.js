/** Asks the site about a video that does not play, and says why it does not. */

export const STILL = "Still processing. Playback will continue automatically.";
export const OFFLINE = "You're offline. Playback will resume when you reconnect.";
export const BUSY = "The server is busy. Playback will resume shortly.";
export const NO_MORE = "Processing stopped here.";
const GONE = "This video is no longer available.";
const CLOSED = "This link no longer works. Ask for a new one.";

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
