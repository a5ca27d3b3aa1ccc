/** <clip-card-menu>: the menu of all video cards of a page; it opens for the card whose button was
    pressed. */
import { ClipAddToPlaylist } from "./clip-add-to-playlist.js";
import { copyFrom } from "./clip-copy.js";
import "./clip-report.js";
import { toast } from "./clip-toast.js";

class ClipCardMenu extends ClipAddToPlaylist {
  video = { title: "", url: "" };

  connectedCallback() {
    super.connectedCallback();
    document.addEventListener("click", this.press, { capture: true }); // before it opens
    this.querySelector("[data-copy]").addEventListener("click", () => this.copy());
    const share = this.querySelector("[data-share]");
    share.hidden = !("share" in navigator);
    share.addEventListener("click", () => this.share());
    // The form opens in a sheet of its own. The button of the card has the focus again before.
    this.querySelector("[data-report]").addEventListener("click", () => this.hidePopover());
  }

  disconnectedCallback() {
    document.removeEventListener("click", this.press, { capture: true });
  }

  /** @param {any} event a click anywhere on the page */
  press = (event) => {
    const button = event.target.closest?.("[data-more]");
    if (!button || this.matches(":popover-open")) return;
    const link = button.closest(".video-card").querySelector(".video-card__title a");
    this.video = { title: link.textContent, url: link.href };
    this.querySelector("h2").textContent = this.video.title;
    const report = this.querySelector("[data-report]");
    report.hidden = !button.dataset.reportUrl;
    report.href = button.dataset.reportUrl ?? "";
    const choices = document.createElement("div");
    choices.id = "save-choices";
    this.querySelector("#save-choices").replaceWith(choices);
    window.htmx.ajax("GET", button.dataset.more, {
      source: choices,
      target: choices,
      swap: "outerHTML",
    });
  };

  async copy() {
    const input = document.createElement("input");
    input.value = this.video.url;
    this.append(input);
    await copyFrom(input);
    input.remove();
    this.hidePopover();
    toast("Link copied");
  }

  async share() {
    try {
      await navigator.share(this.video);
      this.hidePopover();
    } catch {
      // The member closed the dialog.
    }
  }
}

customElements.define("clip-card-menu", ClipCardMenu);
