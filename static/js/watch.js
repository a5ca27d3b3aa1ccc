/** The watch page. */
import "./clip-end-screen.js";
import "./clip-fold.js";
import "./clip-like.js";
import "./clip-comment-markers.js";
import "./clip-player.js";
import "./clip-add-to-playlist.js";
import "./clip-video-link.js";
import "./clip-theatre.js";
import "./timestamps.js";
import "./storyboards.js";

if (document.querySelector("clip-status")) import("./clip-status.js");
// Only full screen needs it, and pages that came into being there.
const learn = () => import("./fullscreen_navigation.js").catch(() => {});
document.addEventListener("fullscreenchange", learn, { once: true });
if (history.state?.turned) learn();
