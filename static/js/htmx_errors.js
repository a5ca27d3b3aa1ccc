/** Shows a toast when a request by htmx fails. An element with a message of its own prevents the
    event's default. */
import { toast } from "./clip-toast.js";

const UNREACHED = "Couldn't connect. Try again in a moment.";
const BROKEN = "Something went wrong. Try again in a moment.";
/** @type {Record<number, string>} */
const MESSAGES = {
  403: "Your session has changed. Reload the page and try again.",
  404: "This is no longer available.",
  503: "The site is busy. Try again in a moment.",
  429: "You're doing that too often. Wait a moment and try again.",
};

/** The message for an HTTP status; 0 means that there was no response.
    @param {number} status */
export const messageFor = (status) => MESSAGES[status] ?? (status ? BROKEN : UNREACHED);

/** The sentence of the response for a refused request or a temporary failure, else a general one.
    @param {XMLHttpRequest} xhr */
const messageOf = (xhr) => {
  const isFromSite =
    [413, 422, 429, 503, 507].includes(xhr.status) &&
    xhr.getResponseHeader("Content-Type")?.startsWith("text/plain");
  return (isFromSite && xhr.responseText.trim().slice(0, 300)) || messageFor(xhr.status);
};

const retried = new WeakSet(); // events whose request was sent a second time
const renewing = new WeakSet(); // elements whose request waits for a new token

// Status 403 always means a stale CSRF token: what a member may not see or do is 404.
document.addEventListener("htmx:beforeOnLoad", async (event) => {
  const { xhr, requestConfig } = event.detail;
  const { elt, formData, path, triggeringEvent, verb } = requestConfig;
  if (xhr.status !== 403 || !triggeringEvent || retried.has(triggeringEvent)) return;
  event.preventDefault();
  retried.add(triggeringEvent);
  renewing.add(elt);
  const state = await import("./csrf_token.js")
    .then(({ renewToken }) => renewToken())
    .catch(() => "out");
  renewing.delete(elt);
  if (state !== "in") return void window.htmx.trigger(elt, "htmx:responseError", event.detail);
  formData.delete("csrfmiddlewaretoken"); // the form has the new one
  const request = window.htmx.ajax(verb, path, {
    source: elt,
    event: triggeringEvent,
    values: formData,
  });
  request.catch(() => {}); // htmx reports it by an event
});

// Ignores a second click while a one-time request waits for a new token.
document.addEventListener("htmx:beforeRequest", (event) => {
  const { elt } = event.detail.requestConfig;
  if (elt.hasAttribute("hx-disabled-elt") && renewing.has(elt)) event.preventDefault();
});

/** @param {CustomEvent<{ xhr: XMLHttpRequest }>} event */
const showError = (event) => {
  if (!event.defaultPrevented) toast(messageOf(event.detail.xhr), "error");
};
document.addEventListener("htmx:responseError", showError);
document.addEventListener("htmx:sendError", showError);
