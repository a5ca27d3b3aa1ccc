/** The complete file of a video, as the video element plays it without hls.js. */
import * as playback from "./playback_state.js";
import * as site from "./video_status.js";

export class PlainFile {
  /** @param {Source} source */
  constructor(source) {
    this.source = source;
    this.video = source.video;
  }

  /** @param {number} position seconds */
  open(position) {
    this.source.keepingRate(() => {
      this.video.src = `${this.source.data.stream?.split("#")[0]}#t=${position}`;
    });
  }

  /** Tries again if the site says that this is of use, or says why it does not play. */
  async handleError() {
    const { source, video } = this;
    if (source.hls || source.state.isPolling || !video.error) return;
    const { position, isPlaying } = source;
    const isUnreadable = video.error.code !== MediaError.MEDIA_ERR_NETWORK;
    const status = await this.askSite();
    if (source.hls) return;
    source.showStatus(status);
    if (!playback.allowsRetry(status)) return;
    const isFileAtFault = !["unreachable", "busy"].includes(status);
    if (isFileAtFault && (isUnreadable || !playback.hasTriesLeft(source.state))) {
      const advice = source.isGuest ? "Try another browser." : "Download it to watch it.";
      source.player.showStatus(`Your browser can't play this video. ${advice}`);
      return;
    }
    source.state = playback.retryScheduled(source.state, isFileAtFault);
    source.later(() => this.reopen(position, isPlaying));
  }

  /** The processing status, or why the site does not send the file. */
  async askSite() {
    const { status: address = "", stream = "" } = this.source.data;
    this.source.update({ isPolling: true });
    const answer = await site.fetchStatus(address);
    const status = answer === "COMPLETED" && (await site.isRefused(stream)) ? "busy" : answer;
    this.source.update({ isPolling: false });
    return status;
  }

  /** @param {number} position seconds @param {boolean} wasPlaying */
  reopen(position, wasPlaying) {
    this.open(position);
    const clear = () => {
      this.source.player.clearStatus(site.OFFLINE);
      this.source.player.clearStatus(site.BUSY);
    };
    this.video.addEventListener("loadeddata", clear, { once: true });
    if (wasPlaying) this.source.play();
  }
}
