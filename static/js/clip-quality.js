/** <clip-quality>: which size is played; hidden where there is nothing to choose. Remembered. */

class ClipQuality extends HTMLElement {
  connectedCallback() {
    this.player = document.querySelector("clip-player");
    this.button = this.querySelector("button");
    this.sheet = document.getElementById("quality");
    this.list = this.sheet.querySelector("[role=radiogroup]");
    this.player.addEventListener("clip-quality", this.show);
    this.list.addEventListener("change", this.choose);
    this.list.addEventListener("click", this.close);
    this.show();
  }

  disconnectedCallback() {
    this.player.removeEventListener("clip-quality", this.show);
    this.list.removeEventListener("change", this.choose);
    this.list.removeEventListener("click", this.close);
  }

  show = () => {
    const { sides, side, wanted } = this.player.source;
    this.hidden = sides.length < 2;
    if (this.hidden) {
      this.sheet.hidePopover();
      return;
    }
    if (this.sides !== sides.join()) this.list.replaceChildren(...[null, ...sides].map(choice));
    this.sides = sides.join();
    const chosen = sides.find((it) => wanted && it <= wanted) ?? null;
    for (const input of this.list.querySelectorAll("input")) {
      input.checked = input.value === String(chosen ?? "");
    }
    this.list.querySelector("small").textContent = !chosen && side ? `${side}p now` : "";
    this.button.lastElementChild.textContent = chosen ? `${chosen}p` : "Quality";
    this.button.setAttribute("aria-label", `Quality: ${chosen ? `${chosen}p` : "Auto"}`);
  };

  choose = (event) => this.player.source.choose(Number(event.target.value) || null);

  /** A choice by the pointer is the last one; with the keys one goes through all of them. */
  close = (event) => {
    if (event.detail > 0 && event.target.closest("label")) this.sheet.hidePopover();
  };
}

function choice(side) {
  const label = document.createElement("label");
  label.className = "check";
  const input = document.createElement("input");
  Object.assign(input, { type: "radio", name: "quality", value: side ?? "" });
  label.append(input, side ? `${side}p` : "Auto", document.createElement("small"));
  return label;
}

customElements.define("clip-quality", ClipQuality);
