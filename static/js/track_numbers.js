/** Gives all sounds of a video one track number as they are loaded. In the file they have different
    ones, since it is also played as a whole; but WebKitGTK ends the playback when another track of a
    SourceBuffer follows, as after a change of the sound. Boxes are those of ISO/IEC 14496-12. */

const NUMBER = 1;
const HEADER_BYTES = 16; // of a box, with the first fields of its content
const CONTAINERS = new Set(["moov", "trak", "mvex", "moof", "traf"]);
const NUMBERED = new Set(["tkhd", "trex", "sidx", "tfhd"]);

/** A class of hls.js's loaders that does so. @param {any} Loader of hls.js @returns {any} */
export function withOneTrackNumber(Loader) {
  return class extends Loader {
    /** @param {any} context @param {any} config @param {any} callbacks */
    load(context, config, callbacks) {
      /** @param {{ data: ArrayBuffer }} response @param {any[]} rest */
      const onSuccess = (response, ...rest) => {
        if (context.frag?.type === "audio") setTrackNumbers(new DataView(response.data));
        callbacks.onSuccess(response, ...rest);
      };
      super.load(context, config, { ...callbacks, onSuccess });
    }
  };
}

/** Changes an initialisation segment of one track, or a fragment of it, in place.
    @param {DataView} data @param {number} [place] @param {number} [end] */
export function setTrackNumbers(data, place = 0, end = data.byteLength) {
  while (place + HEADER_BYTES <= end) {
    const size = data.getUint32(place);
    const kind = String.fromCharCode(
      ...new Uint8Array(data.buffer, data.byteOffset + place + 4, 4),
    );
    if (CONTAINERS.has(kind)) setTrackNumbers(data, place + 8, Math.min(place + size, end));
    if (NUMBERED.has(kind)) {
      // After version and flags; that of a tkhd after two times of 32 or 64 bits as well.
      const times = kind === "tkhd" ? (data.getUint8(place + 8) ? 16 : 8) : 0;
      if (place + 16 + times <= end) data.setUint32(place + 12 + times, NUMBER);
    }
    if (size < 8) return; // to the end, or of 64 bits: nothing that a track number follows
    place += size;
  }
}
