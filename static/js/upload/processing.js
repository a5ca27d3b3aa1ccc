/** What happens to a video once it is uploaded: its processing, and the deletion of a duplicate. */

const FIRST_PAUSE = 2000; // milliseconds
const MAX_PAUSE = 30_000;

/** Polls the processing status, less and less often, until the video is ready or has failed. A
    hidden page does not poll.
    @param {UploadRow} row @param {UploadSession} session */
export async function follow(row, session) {
  let pause = FIRST_PAUSE;
  while (row.video && row.state !== "removed") {
    await wait(pause);
    await becomesVisible();
    pause = Math.min(MAX_PAUSE, pause * 1.4);
    const response = await session.request(`${row.video}status/`).catch(() => null);
    if (row.state === "removed") return;
    if (response?.status === 404) return void row.setState("removed");
    if (!response?.ok) continue;
    showStatus(row, await response.json().catch(() => ({})));
    if (row.state === "ready" || row.state === "broken") return;
  }
}

/** @param {UploadRow} row
    @param {{ status?: string, progress: number | null, watchable: boolean, error: string | null }}
      answer */
function showStatus(row, { status, progress, watchable, error }) {
  if (status === "COMPLETED") row.setState("ready");
  else if (status === "FAILED") {
    row.problem = error ?? "";
    row.setState("broken");
  } else if (status === "PROCESSING") {
    const percent = progress === null ? "Processing" : `Processing: ${progress}%`;
    row.setState("processing", watchable ? `${percent}. You can start watching now` : percent);
  }
}

/** Returns whether the video is gone. @param {string} video address @param {UploadSession} session */
export async function deleteVideo(video, session) {
  const response = await session.request(`${video}delete/`, { method: "POST" });
  return response.type === "opaqueredirect" || response.ok || response.status === 404;
}

/** @param {number} milliseconds */
function wait(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function becomesVisible() {
  if (!document.hidden) return Promise.resolve();
  return new Promise((resolve) => {
    document.addEventListener("visibilitychange", resolve, { once: true });
  });
}
