/** Keeps the chosen caption language, or captions off, from one video to the next. */
import { recall, remember } from "./storage.js";

const OFF = "off";
const REQUESTS = [
  "mediashowsubtitlesrequest",
  "mediadisablesubtitlesrequest",
  "mediatogglesubtitlesrequest",
];

export class Captions {
  /** @param {ClipPlayer} player */
  constructor(player) {
    this.player = player;
    this.video = player.video;
    const { signal } = player.closing;
    for (const request of REQUESTS) {
      player.addEventListener(request, () => this.save(), { signal });
    }
    this.video.textTracks.addEventListener("addtrack", () => this.applyPreference());
    this.applyPreference();
    // media-chrome sets aria-checked, which a button must not have without this role.
    customElements.whenDefined("media-captions-button").then(() => {
      player.querySelector("media-captions-button").setAttribute("role", "switch");
    });
  }

  get tracks() {
    const kinds = ["subtitles", "captions"];
    return [...this.video.textTracks].filter((track) => kinds.includes(track.kind));
  }

  get shown() {
    return this.tracks.find((track) => track.mode === "showing");
  }

  /** @param {TextTrack | null} chosen */
  show(chosen) {
    for (const track of this.tracks) track.mode = track === chosen ? "showing" : "disabled";
  }

  applyPreference() {
    this.player.offer(".player__languages", this.tracks.length > 0);
    const wanted = recall("captions");
    if (!wanted) return;
    const found = this.tracks.find((track) => track.language === wanted);
    if (!found && wanted !== OFF) return;
    // Without this the browser turns the default track of the video on again.
    for (const track of this.video.querySelectorAll("track[kind=subtitles]")) track.default = false;
    this.show(found ?? null);
  }

  save() {
    remember("captions", this.shown?.language ?? OFF);
  }

  /** Turns captions on or off. Returns what is shown now, as text for the player's hint. */
  toggle() {
    const { tracks } = this;
    if (!tracks.length) return "No captions";
    this.show(this.shown ? null : this.best(tracks));
    this.save();
    return this.shown?.label ?? "Captions off";
  }

  /** The track in one of the browser's languages, else the first one.
      @param {TextTrack[]} tracks */
  best(tracks) {
    const languages = navigator.languages.map((language) => language.split("-")[0]);
    return tracks.find((track) => languages.includes(track.language)) ?? tracks[0];
  }
}
