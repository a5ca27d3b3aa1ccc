/** What every page has. All of it works without this file, only less comfortably. */
import "./clip-grid.js";
import "./clip-password.js";
import "./clip-theme.js";
import { toast } from "./clip-toast.js";

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

// Forms are sent once, however often one clicks.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post" || event.defaultPrevented) return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
});

addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  document.querySelectorAll("form[data-sent]").forEach((form) => delete form.dataset.sent);
});

document.addEventListener("htmx:responseError", (event) => {
  if (event.detail.xhr.status === 401) location.reload();
});

document.addEventListener("htmx:sendError", (event) => {
  if (event.detail.elt.closest("clip-grid")) {
    toast("No connection. Try “Show more” again in a moment.", "error");
  }
});
