/** Django's CSRF token, which every change needs. A log-in in another tab makes a new token, and the
    site answers 403 to the one that this page has. */

/** @returns {string | undefined} undefined on a guest's page, where nothing needs a token */
export const csrfToken = () =>
  JSON.parse(document.body.getAttribute("hx-headers") ?? "null")?.["X-CSRFToken"];

/** @type {Promise<LoginState> | undefined} */
let renewing;

/** Fetches this page and takes its token, if the same member is logged in.
    Throws: TypeError if the site cannot be reached. */
export function renewToken() {
  renewing ??= renew().finally(() => {
    renewing = undefined;
  });
  return renewing;
}

/** @returns {Promise<LoginState>} */
async function renew() {
  const response = await fetch(location.href, { cache: "no-store" });
  if (!response.ok) return "out";
  const { body } = new DOMParser().parseFromString(await response.text(), "text/html");
  if (!body.dataset.member) return "out";
  if (body.dataset.member !== document.body.dataset.member) return "other";
  document.body.setAttribute("hx-headers", body.getAttribute("hx-headers") ?? "");
  for (const field of document.querySelectorAll("[name=csrfmiddlewaretoken]")) {
    field.value = csrfToken();
  }
  return "in";
}

/** Sends a POST request, and once more with a new token if the first one was refused.
    @param {string} address
    @param {RequestInit & { body: FormData | URLSearchParams }} options as of fetch */
export async function post(address, { body, ...options }) {
  const send = () => {
    const token = csrfToken();
    if (token) body.set("csrfmiddlewaretoken", token);
    return fetch(address, { ...options, method: "POST", body });
  };
  const response = await send();
  return response.status === 403 && (await renewToken()) === "in" ? send() : response;
}
