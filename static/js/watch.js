/** The watch page. */
import "./clip-add-to-playlist.js";
import "./clip-comment-markers.js";
import "./clip-end-screen.js";
import "./clip-fold.js";
import "./clip-like.js";
import "./clip-player.js";
import "./clip-theatre.js";
import "./clip-video-link.js";
import "./storyboards.js";
import "./timestamps.js";

if (document.querySelector("clip-status")) import("./clip-status.js");
// Needed in full screen only, and on a history entry that was made there.
const load = () => import("./fullscreen_navigation.js").catch(() => {});
document.addEventListener("fullscreenchange", load, { once: true });
if (history.state?.turned) load();
