/** What every page has. All of it works without this file, only less comfortably. */
import "./clip-theme.js";
import "./clip-toast.js";

if (document.querySelector("clip-grid")) import("./clip-grid.js");
if (document.querySelector("clip-password")) import("./clip-password.js");
if (window.htmx) import("./htmx_errors.js");

const search = document.querySelector("[data-search]");
const panel = document.getElementById("search");

/** Whether a key is typed into something rather than meant for the page. */
const isTyping = (target) => target.closest?.("input, textarea, select, [contenteditable]");

document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (!search || isTyping(event.target)) return;
  event.preventDefault();
  if (!search.checkVisibility()) panel.showPopover();
  search.focus();
  search.select();
});

panel?.addEventListener("toggle", (event) => {
  if (event.newState === "open") search.focus();
});

search?.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !search.value) search.blur();
});

// A date under the pointer is told in the reader's own time zone.
document.addEventListener("pointerover", (event) => {
  const time = event.target.closest?.("time[datetime]:not([data-local])");
  if (!time) return;
  time.dataset.local = "";
  time.title = new Date(time.dateTime).toLocaleString(undefined, {
    dateStyle: "long",
    timeStyle: "short",
  });
});

// Forms are sent once, however often one clicks. No event tells that the browser's Stop was pressed.
const SENT_FOR = 8000; // milliseconds

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post" || event.defaultPrevented) return;
  if (form.dataset.sent) event.preventDefault();
  else setTimeout(() => delete form.dataset.sent, SENT_FOR);
  form.dataset.sent = "yes";
});

addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});
