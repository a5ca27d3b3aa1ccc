/** Enhancements of every page. Each page works without them. */
import "./clip-theme.js";
import "./clip-toast.js";

if (document.querySelector("clip-grid")) import("./clip-grid.js");
if (document.querySelector("clip-password")) import("./clip-password.js");
if (window.htmx) import("./htmx_errors.js");

const search = document.querySelector("[data-search]");
const panel = document.getElementById("search");

/** @param {Element} target */
const isTextField = (target) => target.closest?.("input, textarea, select, [contenteditable]");

document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (!search || isTextField(event.target)) return;
  event.preventDefault();
  if (!search.checkVisibility()) panel.showPopover();
  search.focus();
  search.select();
});

panel?.addEventListener("toggle", (/** @type {ToggleEvent} */ event) => {
  if (event.newState === "open") search.focus();
});

search?.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
  if (event.key === "Escape" && !search.value) search.blur();
});

// Shows a date in the reader's time zone once the pointer is over it.
document.addEventListener("pointerover", (event) => {
  const time = event.target.closest?.("time[datetime]:not([data-local])");
  if (!time) return;
  time.dataset.local = "";
  time.title = new Date(time.dateTime).toLocaleString(undefined, {
    dateStyle: "long",
    timeStyle: "short",
  });
});

// Submits a form once, however often its button is clicked. The lock ends after a while, since no
// event tells that the browser's Stop button was pressed.
const SUBMIT_LOCK = 8000; // milliseconds

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post" || event.defaultPrevented) return;
  if (form.dataset.sent) event.preventDefault();
  else setTimeout(() => delete form.dataset.sent, SUBMIT_LOCK);
  form.dataset.sent = "yes";
});

addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});
