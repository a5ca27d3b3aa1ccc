/** Comments. */
import "./clip-talk.js";
import "./lengthen.js";
