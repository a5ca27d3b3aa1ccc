/** A guest's page: the player, and nothing of what members have. */
import "./clip-end-screen.js";
import "./clip-fold.js";
import "./clip-comment-markers.js";
import "./clip-player.js";
import "./timestamps.js";
