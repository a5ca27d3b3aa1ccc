/** The watch page. */
import "./clip-end.js";
import "./clip-fold.js";
import "./clip-like.js";
import "./clip-markers.js";
import "./clip-player.js";
import "./clip-save.js";
import "./clip-share.js";
import "./clip-theatre.js";
import "./moments.js";
import "./scrub.js";

if (document.querySelector("clip-status")) import("./clip-status.js");
// Only full screen needs it, and pages that came into being there.
const learn = () => import("./onwards.js").catch(() => {});
document.addEventListener("fullscreenchange", learn, { once: true });
if (history.state?.turned) learn();
