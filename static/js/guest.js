/** The page of a guest link: the player, and nothing that only members have. */
import "./clip-comment-markers.js";
import "./clip-end-screen.js";
import "./clip-fold.js";
import "./clip-player.js";
import "./timestamps.js";
