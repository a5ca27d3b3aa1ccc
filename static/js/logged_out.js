/** The log-in opens beside the page, so that what was typed here stays. */
import { toast } from "./clip-toast.js";

export function sayLoggedOut(login) {
  const address = new URL(login, location.href);
  address.searchParams.set("next", location.pathname + location.search);
  const link = document.createElement("a");
  link.href = address.href;
  link.target = "_blank";
  link.rel = "noopener";
  link.textContent = "Log in in a new tab";
  toast("You are logged out. ", "error", link, ", then try it again here.");
}
