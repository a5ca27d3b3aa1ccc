/** Captions in the language that was chosen last, on whichever film; or off, when that was. */
import { recall, remember } from "./storage.js";

const OFF = "off";
const REQUESTS = [
  "mediashowsubtitlesrequest",
  "mediadisablesubtitlesrequest",
  "mediatogglesubtitlesrequest",
];

export class Captions {
  constructor(player) {
    this.player = player;
    this.video = player.video;
    const { signal } = player.gone;
    for (const request of REQUESTS) player.addEventListener(request, () => this.keep(), { signal });
    this.video.textTracks.addEventListener("addtrack", () => this.prefer());
    this.prefer();
    // media-chrome says that it is checked or not, which a plain button can't be.
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

  show(chosen) {
    for (const track of this.tracks) track.mode = track === chosen ? "showing" : "disabled";
  }

  prefer() {
    this.player.offer(".player__languages", this.tracks.length > 0);
    const wanted = recall("captions");
    if (!wanted) return;
    const found = this.tracks.find((track) => track.language === wanted);
    if (!found && wanted !== OFF) return;
    // Else the browser turns on again what is the default of this film.
    for (const track of this.video.querySelectorAll("track[kind=subtitles]")) track.default = false;
    this.show(found);
  }

  keep() {
    remember("captions", this.shown?.language ?? OFF);
  }

  /** What is shown then, for the hint. */
  toggle() {
    const { tracks } = this;
    if (!tracks.length) return "No captions";
    this.show(this.shown ? null : this.best(tracks));
    this.keep();
    return this.shown?.label ?? "Captions off";
  }

  best(tracks) {
    const languages = navigator.languages.map((language) => language.split("-")[0]);
    return tracks.find((track) => languages.includes(track.language)) ?? tracks[0];
  }
}
