/** Comments. */
import "./clip-comments.js";
import "./load_more.js";
