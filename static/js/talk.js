/** Comments and likes. */
import "./clip-like.js";
import "./clip-talk.js";
