/** Tells the member that they are logged out. The log-in opens in a new tab, so that what was typed
    on this page is kept. */
import { toast } from "./clip-toast.js";

/** @param {string} login the address of the log-in page */
export function showLoggedOut(login) {
  const address = new URL(login, location.href);
  address.searchParams.set("next", location.pathname + location.search);
  const link = document.createElement("a");
  link.href = address.href;
  link.target = "_blank";
  link.rel = "noopener";
  link.textContent = "Log in again (opens a new tab)";
  toast("You've been logged out. ", "error", link, ", then try again here.");
}
