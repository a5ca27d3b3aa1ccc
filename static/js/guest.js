/** A guest's page: the player, and nothing of what members have. */
import "./clip-end.js";
import "./clip-fold.js";
import "./clip-markers.js";
import "./clip-player.js";
import "./moments.js";
