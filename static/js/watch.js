/** The watch page. */
import "./clip-fold.js";
import "./clip-player.js";
import "./clip-quality.js";
import "./clip-share.js";
import "./clip-status.js";
import "./clip-theatre.js";
