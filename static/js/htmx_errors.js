/** What htmx asked for and did not get. Who has words of its own for that prevents the event's
    default. */
import { toast } from "./clip-toast.js";

const UNREACHED = "That did not reach the site. Try it again in a moment.";
const BROKEN = "Something broke on our side. Try it again in a moment.";
const WORDS = {
  403: "That was not accepted. Reload the page and try it again.",
  404: "This is not there any more. Reload the page.",
  503: "The site is busy. Try it again in a moment.",
  429: "That was too often. Try it again in a moment.",
};

/** In words, what an answer's status means; 0 where there was none. */
export const wordsFor = (status) => WORDS[status] ?? (status ? BROKEN : UNREACHED);

/** The site's own sentence where something will pass (a busy database, a full disk), else ours. */
const sentenceOf = (xhr) => {
  const isOurs =
    [503, 507].includes(xhr.status) &&
    xhr.getResponseHeader("Content-Type")?.startsWith("text/plain");
  return (isOurs && xhr.responseText.trim().slice(0, 300)) || wordsFor(xhr.status);
};

const again = new WeakSet(); // what made the requests that were sent a second time
const waiting = new WeakSet(); // what is about to be sent again

/** 403 is the token's alone: what one may not see or do is 404. */
document.addEventListener("htmx:beforeOnLoad", async (event) => {
  const { xhr, requestConfig } = event.detail;
  const { elt, formData, path, triggeringEvent, verb } = requestConfig;
  if (xhr.status !== 403 || !triggeringEvent || again.has(triggeringEvent)) return;
  event.preventDefault();
  again.add(triggeringEvent);
  waiting.add(elt);
  const found = await import("./csrf_token.js")
    .then(({ renewToken }) => renewToken())
    .catch(() => "out");
  waiting.delete(elt);
  if (found !== "in") return void window.htmx.trigger(elt, "htmx:responseError", event.detail);
  formData.delete("csrfmiddlewaretoken"); // the form has the new one
  const sent = window.htmx.ajax(verb, path, {
    source: elt,
    event: triggeringEvent,
    values: formData,
  });
  sent.catch(() => {}); // that is told by its event
});

// A second click on what is meant to be sent once.
document.addEventListener("htmx:beforeRequest", (event) => {
  const { elt } = event.detail.requestConfig;
  if (elt.hasAttribute("hx-disabled-elt") && waiting.has(elt)) event.preventDefault();
});

const fail = (event) => {
  if (!event.defaultPrevented) toast(sentenceOf(event.detail.xhr), "error");
};
document.addEventListener("htmx:responseError", fail);
document.addEventListener("htmx:sendError", fail);
