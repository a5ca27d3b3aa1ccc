/** Comments on the watch page and on the page of comments. */
import "./clip-comments.js";
import "./load_more.js";
