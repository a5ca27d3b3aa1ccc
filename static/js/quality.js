/** Which renditions <clip-player> plays, and what its member chose of them. */
import * as original from "./original_quality.js";
import { recall, remember } from "./storage.js";

const SWITCHED = {
  slow: "Original is too slow here. Switched to another quality.",
  unplayable: "Original can't be played here. Switched to another quality.",
};
const HINT_FOR = 4000; // milliseconds

export class Quality {
  /** @type {HlsLevel[]} */
  levels = []; // all that this browser can play; hls.js may have fewer
  /** @type {LevelPlan} */
  plan = "h264";
  /** @type {Playability} */
  playability = "none"; // of original quality
  /** @type {Promise<Playability> | undefined} */
  answer; // of the browser, about original quality
  hasFailed = false; // original quality, on this page
  isPreferred = false; // original quality, without a choice of it
  isMarked = false; // original quality is one of hls.js's automatic choices
  /** @type {import("./original_watch.js").OriginalWatch | undefined} */
  watch; // once original quality is used

  /** @param {Source} source */
  constructor(source) {
    this.source = source;
    /** @type {QualityChoice | null} */
    this.wanted = parse(recall("quality")); // null: automatic
  }

  /** Forgets the levels of an instance of hls.js. */
  close() {
    this.watch?.close();
    this.levels = [];
    this.plan = "h264";
  }

  // -- What can be played -------------------------------------------------------------------------

  /** Gives hls.js, which has parsed the playlist, the levels that it may use.
      @param {HlsPlayer} hls */
  async setUp(hls) {
    const { levels } = hls;
    const best = levels.find(original.isOriginalQuality);
    const playability = best && !this.hasFailed ? await this.ask(best) : "none";
    if (hls !== this.source.hls) return;
    const h264 = levels.filter((level) => level !== best);
    this.playability = playability;
    this.levels = playability === "none" ? h264 : levels;
    this.isMarked = false;
    this.plan = original.planLevels({
      playability,
      hasH264: h264.length > 0,
      isComplete: this.source.state.isComplete,
      prefersOriginal: this.isPreferred || this.wanted === original.ORIGINAL,
    });
    if (this.plan === "original") for (const level of h264) removeLevel(hls, level);
    if (this.plan === "h264" && best) removeLevel(hls, best);
    if (["original", "both"].includes(this.plan)) this.watchOriginal(hls);
    this.apply();
  }

  /** Watches for failures of original quality that hls.js does not report. @param {HlsPlayer} hls */
  async watchOriginal(hls) {
    const { OriginalWatch } = await import("./original_watch.js");
    this.watch ??= new OriginalWatch(
      this.source.video,
      () => this.isOriginalPlaying,
      (reason) => this.leaveOriginal(reason),
    );
    if (hls === this.source.hls) this.watch.open();
  }

  /** Asks the browser, once, how well it plays original quality. @param {HlsLevel} level */
  ask(level) {
    this.answer ??= askBrowser(level).catch(() => "none");
    return this.answer;
  }

  /** A fragment was loaded, so the bandwidth is known. Before, original quality could delay the
      start. */
  bandwidthMeasured() {
    const level = this.source.hls.levels.find(original.isOriginalQuality);
    if (this.plan !== "both" || this.isMarked || !level) return;
    const others = this.source.hls.levels.filter((it) => it !== level);
    original.markLike(level, others[others.length - 1]);
    this.isMarked = true;
  }

  // -- What the member chose ----------------------------------------------------------------------

  get choices() {
    return original.choicesAmong(this.levels);
  }

  /** The choice that is played; undefined: automatic. */
  get chosen() {
    const isLost = this.wanted === original.ORIGINAL && this.hasFailed;
    return original.nearest(this.choices, isLost ? null : this.wanted);
  }

  /** @param {QualityChoice | null} wanted null: automatic */
  choose(wanted) {
    this.wanted = wanted;
    this.isPreferred = false;
    remember("quality", wanted === null ? null : String(wanted));
    const { hls, position } = this.source;
    const isOfChoice = (/** @type {HlsLevel} */ level) => original.isOfChoice(level, this.chosen);
    const isMissing = this.levels.some(isOfChoice) && !hls?.levels.some(isOfChoice);
    if (isMissing) this.source.startHls(position);
    else this.apply();
  }

  /** Plays the chosen quality, or the next lower one. */
  apply() {
    const { hls } = this.source;
    if (!hls) return;
    const { chosen } = this;
    const index = hls.levels.findIndex((level) => original.isOfChoice(level, chosen));
    if (index !== -1 || !hls.autoLevelEnabled) hls.nextLevel = index;
    this.announce();
  }

  announce() {
    this.source.player.dispatchEvent(new Event("clip-quality"));
  }

  // -- While original quality plays ---------------------------------------------------------------

  /** Whether it is played or loaded. */
  get isOriginalPlaying() {
    const { hls } = this.source;
    if (!hls) return false;
    return [hls.currentLevel, hls.loadLevel].some((at) =>
      original.isOriginalQuality(hls.levels[at]),
    );
  }

  /** Whether there is H.264, as far as this page knows. */
  get hasH264() {
    return this.source.state.hasH264 || this.levels.some((it) => !original.isOriginalQuality(it));
  }

  /** At the end of a growing rendition: original quality has the rest of the video.
      @returns {boolean} whether it plays now */
  takeOriginal() {
    const level = this.levels.find(original.isOriginalQuality);
    const { hls, position } = this.source;
    if (!level || this.wanted !== null || this.playability !== "full") return false;
    if (!original.isAffordable(level, hls.bandwidthEstimate)) return false;
    this.isPreferred = true;
    this.source.startHls(position);
    return true;
  }

  /** Whether an error of hls.js was one of original quality, which then is played no more.
      @param {HlsError} error */
  handleError(error) {
    const { hls } = this.source;
    const level = error.frag ? hls.levels[error.frag.level] : null;
    const isOriginal = level ? original.isOriginalQuality(level) : this.isOriginalPlaying;
    return isOriginal && original.isFaulty(error) && this.leaveOriginal("unplayable");
  }

  /** A decoder gave up. Returns whether original quality was the reason; it is played no more. */
  handleMediaError() {
    return this.isOriginalPlaying && this.leaveOriginal("unplayable");
  }

  /** Goes on in H.264, for as long as this page is open. Returns whether it does: a slow start is
      better than none.
      @param {"slow" | "unplayable"} reason */
  leaveOriginal(reason) {
    if (reason === "slow" && !this.hasH264) return false;
    this.hasFailed = true;
    const { source } = this;
    if (this.hasH264) source.player.showHint(SWITCHED[reason], HINT_FOR);
    source.restartAfterError();
    return true;
  }
}

/** @param {string | null} stored @returns {QualityChoice | null} */
const parse = (stored) => (stored === original.ORIGINAL ? stored : Number(stored) || null);

/** @param {HlsPlayer} hls @param {HlsLevel} level */
const removeLevel = (hls, level) => hls.removeLevel(hls.levels.indexOf(level));

/** @param {HlsLevel} level @returns {Promise<Playability>} */
async function askBrowser(level) {
  const ask = (/** @type {any} */ question) => navigator.mediaCapabilities.decodingInfo(question);
  const answer = await ask(original.decodingQuestion(level));
  return original.playabilityOf(answer, await ask(original.EASY_QUESTION));
}
