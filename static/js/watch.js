/** The watch page. */
import "./clip-end.js";
import "./clip-fold.js";
import "./clip-like.js";
import "./clip-markers.js";
import "./clip-player.js";
import "./clip-save.js";
import "./clip-share.js";
import "./clip-status.js";
import "./clip-theatre.js";
import "./moments.js";
import "./onwards.js";
import "./scrub.js";
