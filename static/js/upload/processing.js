/** What becomes of a film once it is sent: its processing, and what one does with a second one. */

const FIRST = 2000; // milliseconds
const SLOWEST = 30_000;

/** Asks how far a film is, ever more rarely, until it is ready or has failed; not while nobody
 * looks. */
export async function follow(film, session) {
  let pause = FIRST;
  while (film.video && film.state !== "removed") {
    await wait(pause);
    await seen();
    pause = Math.min(SLOWEST, pause * 1.4);
    const answer = await session.ask(`${film.video}status/`).catch(() => null);
    if (film.state === "removed") return;
    if (answer?.status === 404) return void film.become("removed");
    if (!answer?.ok) continue;
    if (tell(film, await answer.json().catch(() => ({})))) return;
  }
}

/** True when nothing more is to come. */
function tell(film, { status, progress, watchable, error }) {
  if (status === "COMPLETED") film.become("ready");
  else if (status === "FAILED") {
    film.problem = error ?? "";
    film.become("broken");
  } else if (status === "PROCESSING") {
    const percent = progress === null ? "Being processed" : `Being processed, ${progress} %`;
    film.become("making", watchable ? `${percent}. You can watch it already` : percent);
  }
  return film.state === "ready" || film.state === "broken";
}

/** Deletes the second one; true when it is gone. */
export async function removeVideo(film, session) {
  const answer = await session.ask(`${film.video}delete/`, { method: "POST" });
  return answer.type === "opaqueredirect" || answer.ok || answer.status === 404;
}

function wait(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function seen() {
  if (!document.hidden) return Promise.resolve();
  return new Promise((resolve) => {
    document.addEventListener("visibilitychange", resolve, { once: true });
  });
}
