/** The sounds that media-chrome's audio track menu offers, for videos with several. The interface is
    that of https://github.com/muxinc/media-tracks; the language that was chosen is kept from one
    video to the next. Only the full build of hls.js knows several sounds. */
import { recall, remember } from "./storage.js";

class Sound {
  #sounds; // media-chrome writes what is public as JSON
  kind = "main";

  /** @param {Sounds} sounds @param {number} place @param {HlsSound} track */
  constructor(sounds, place, track) {
    this.#sounds = sounds;
    this.place = place;
    this.id = String(place);
    this.label = track.name;
    this.language = track.lang ?? "";
  }

  get enabled() {
    return this.#sounds.chosen === this.place;
  }

  set enabled(isChosen) {
    if (isChosen && !this.enabled) this.#sounds.choose(this);
  }
}

export class Sounds extends EventTarget {
  /** @type {Sound[]} */
  tracks = [];
  /** @type {HlsPlayer | null} */
  hls = null;
  wanted = ""; // the name of the sound that was chosen on this page
  /** @type {typeof import("./track_numbers.js").withOneTrackNumber | undefined} */
  withOneTrackNumber; // only where there are several sounds

  /** @param {ClipPlayer} player */
  constructor(player) {
    super();
    this.player = player;
    /** Settled once hls.js may start. */
    this.ready = "sounds" in player.dataset ? this.load() : null;
    // Browsers with such a list of their own let nobody assign another one.
    Object.defineProperty(player.video, "audioTracks", { value: this, configurable: true });
  }

  async load() {
    const module = await import("./track_numbers.js").catch(() => null);
    this.withOneTrackNumber = module?.withOneTrackNumber;
  }

  get length() {
    return this.tracks.length;
  }

  [Symbol.iterator]() {
    return this.tracks.values();
  }

  /** The place of the sound that plays. */
  get chosen() {
    return this.hls?.audioTrack ?? -1;
  }

  /** Follows hls.js, before it loads anything.
      @param {HlsPlayer} hls @param {Record<string, string>} events hls.js's `Events` */
  watch(hls, events) {
    this.hls = hls;
    hls.config.fLoader = this.withOneTrackNumber?.(hls.config.loader);
    const language = recall("sound");
    // hls.js is started again after errors and for some changes of the quality.
    if (this.wanted) hls.config.audioPreference = { name: this.wanted };
    else if (language) hls.config.audioPreference = { lang: language };
    hls.on(events.AUDIO_TRACKS_UPDATED, (_, data) => this.fill(data.audioTracks));
    hls.on(events.AUDIO_TRACK_SWITCHING, () => this.dispatchEvent(new Event("change")));
    hls.on(events.DESTROYING, () => {
      this.hls = null;
      this.fill([]);
    });
  }

  /** @param {HlsSound[]} tracks */
  fill(tracks) {
    const offered = tracks.length > 1 ? tracks : [];
    this.tracks = offered.map((track, place) => new Sound(this, place, track));
    this.player.offer(".player__sounds", this.length > 0);
    this.dispatchEvent(new Event(this.length ? "addtrack" : "removetrack"));
  }

  /** @param {Sound} sound */
  choose(sound) {
    if (!this.hls) return;
    this.hls.audioTrack = sound.place;
    this.wanted = sound.label;
    if (sound.language) remember("sound", sound.language);
    this.dispatchEvent(new Event("change"));
  }
}
