/** The token that every change needs. A log-in in another tab makes a new one, and the site answers
    403 to the one that this page came with. */

/** None on a guest's page, where nothing needs it. */
const token = () => JSON.parse(document.body.getAttribute("hx-headers"))?.["X-CSRFToken"];

let renewing;

/** Takes a new token into the page: "in", or "out", or "other" when somebody else is logged in.
 * Fails where the site cannot be reached. */
export function renewToken() {
  renewing ??= renew().finally(() => {
    renewing = undefined;
  });
  return renewing;
}

async function renew() {
  const answer = await fetch(location.href, { cache: "no-store" });
  if (!answer.ok) return "out";
  const { body } = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (!body.dataset.member) return "out";
  if (body.dataset.member !== document.body.dataset.member) return "other";
  document.body.setAttribute("hx-headers", body.getAttribute("hx-headers"));
  for (const field of document.querySelectorAll("[name=csrfmiddlewaretoken]")) {
    field.value = token();
  }
  return "in";
}

/** A POST as by fetch, once more with a new token where this page's was too old. `body` is a
 * FormData or URLSearchParams. */
export async function post(address, { body, ...options }) {
  const send = () => {
    if (token()) body.set("csrfmiddlewaretoken", token());
    return fetch(address, { ...options, method: "POST", body });
  };
  const answer = await send();
  return answer.status === 403 && (await renewToken()) === "in" ? send() : answer;
}
