import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

// What the player's module needs of a browser.
Object.assign(globalThis, {
  HTMLElement: class extends EventTarget {
    dataset = {};
  },
  customElements: { define() {} },
});
const { ClipPlayer } = await import("../../static/js/clip-player.js");

/** @type {any} */
let player;

beforeEach((context) => {
  /** @type {any} */ (context).mock.timers.enable({ apis: ["setTimeout"] });
  player = new ClipPlayer();
  player.dataset.start = "20.7";
  player.video = Object.assign(new EventTarget(), { readyState: 0 });
  player.hint = {
    hidden: true,
    textContent: "",
    replaceChildren(...content) {
      this.textContent = content.join("");
    },
  };
});

const shown = () => (player.hint.hidden ? "" : player.hint.textContent);
const haveMetadata = () => player.video.dispatchEvent(new Event("loadedmetadata"));

test("a page says where it resumes until 3 s after the metadata", ({ mock }) => {
  player.showResumed();
  mock.timers.tick(60_000); // a slow line
  assert.equal(shown(), "Resuming at 0:20");
  haveMetadata();
  mock.timers.tick(2999);
  assert.equal(shown(), "Resuming at 0:20");
  mock.timers.tick(1);
  assert.equal(shown(), "");
});

test("it says so for 3 s where the metadata is there already", ({ mock }) => {
  player.video.readyState = 1;
  player.showResumed();
  mock.timers.tick(2999);
  assert.equal(shown(), "Resuming at 0:20");
  mock.timers.tick(1);
  assert.equal(shown(), "");
});

test("every other hint wins over it", ({ mock }) => {
  player.showResumed();
  player.showHint("Muted");
  haveMetadata();
  assert.equal(shown(), "Muted");
  mock.timers.tick(900);
  assert.equal(shown(), "");
  haveMetadata();
  assert.equal(shown(), "");
});

test("what the site says stays, whichever came first", ({ mock }) => {
  player.showResumed();
  player.showStatus("Waiting for the network");
  haveMetadata();
  mock.timers.tick(4000);
  player.showResumed();
  haveMetadata();
  mock.timers.tick(4000);
  assert.equal(shown(), "Waiting for the network");
});

test("a player that shows another video says nothing about the last one", () => {
  player.showResumed();
  player.closing.abort();
  player.hint.hidden = false;
  haveMetadata();
  assert.equal(player.timer, undefined);
});
