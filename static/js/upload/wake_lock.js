/** Keeps the screen on, where the browser can. Returns a function that lets it go off again. */
export function keepScreenOn() {
  /** @type {WakeLockSentinel | null} */
  let lock = null;
  const request = async () => {
    if (document.hidden) return;
    lock = (await navigator.wakeLock?.request("screen").catch(() => null)) ?? null;
  };
  document.addEventListener("visibilitychange", request); // a hidden page loses its lock
  request();
  return () => {
    document.removeEventListener("visibilitychange", request);
    lock?.release();
  };
}
