/** What the modules of static/js meet in a page and TypeScript cannot know. */

export {};

/** `target` is whatever the markup has: the browser tests hold what handlers expect of it. */
type Targeted<Events> = { [Name in keyof Events]: Events[Name] & { readonly target: any } };

/** https://htmx.org/events/ */
interface HtmxDetail {
  elt: HTMLElement;
  requestConfig: {
    elt: HTMLElement;
    formData: FormData;
    path: string;
    triggeringEvent: Event | undefined;
    verb: string;
  };
  xhr: XMLHttpRequest;
  shouldSwap: boolean;
  isError: boolean;
}

interface HtmxEvents {
  "htmx:afterOnLoad": CustomEvent<HtmxDetail>;
  "htmx:afterRequest": CustomEvent<HtmxDetail>;
  "htmx:afterSettle": CustomEvent<HtmxDetail>;
  "htmx:afterSwap": CustomEvent<HtmxDetail>;
  "htmx:beforeOnLoad": CustomEvent<HtmxDetail>;
  "htmx:beforeRequest": CustomEvent<HtmxDetail>;
  "htmx:beforeSwap": CustomEvent<HtmxDetail>;
  "htmx:responseError": CustomEvent<HtmxDetail>;
  "htmx:sendError": CustomEvent<HtmxDetail>;
}

interface DocumentEvents extends DocumentEventMap, HtmxEvents {
  /** A time in a text was pressed. */
  "clip-seek": CustomEvent<{ seconds: number }>;
}

interface ElementEvents extends HTMLElementEventMap, HtmxEvents {
  /** Of media-chrome's time range; undefined when the pointer left it. */
  mediapreviewtime: CustomEvent<number | undefined>;
}

type Options = boolean | AddEventListenerOptions;

declare global {
  // In a comment of a module an import would be one for collectstatic, which hashes the names in
  // imports, and here they are circular.
  type ClipPlayer = import("../../static/js/clip-player.js").ClipPlayer;
  type Quality = import("../../static/js/quality.js").Quality;
  type Source = import("../../static/js/source.js").Source;
  type Batch = import("../../static/js/upload/batch.js").Batch;
  type ClipUpload = import("../../static/js/clip-upload.js").ClipUpload;
  type TusUpload = import("../../static/js/upload/tus_upload.js").TusUpload;
  type Unfinished = import("../../static/js/upload/unfinished.js").Unfinished;
  type UploadRow = import("../../static/js/upload/upload_row.js").UploadRow;
  type UploadSession = import("../../static/js/upload/session.js").UploadSession;

  /** What the site answers about the log-in; other: another member is logged in. */
  type LoginState = "in" | "out" | "other";

  /** A like as the site has it; the count is unknown where an abbreviated one is shown. */
  interface KnownLike {
    liked: boolean;
    count: number | undefined;
  }

  interface CommentMarker {
    seconds: number;
    author: string;
    text: string;
  }

  interface Playlist {
    title: string;
    short_id: string;
  }

  /** A row of a playlist that is being dragged. */
  interface Drag {
    row: HTMLElement;
    before: Element | null; // the row's neighbor, if the drag is given up
    grab: number; // where in the row the pointer is, in pixels
    y: number; // of the pointer, in pixels
  }

  interface Storyboard {
    sheet: HTMLImageElement;
    tiles: number[][]; // x, y, width, height in the sheet
  }

  type MediaChromeVideo = HTMLVideoElement & {
    videoRenditions: import("../../static/js/renditions.js").Renditions;
  };

  /** A variant of the master playlist, with what it says of it. */
  interface HlsLevel {
    url: string[];
    width: number;
    height: number;
    bitrate: number; // the peak, in bit/s
    frameRate: number; // 0 if unknown
    videoCodec: string | undefined;
    audioCodec: string | undefined;
    codecSet: string; // "avc1,mp4a"
    videoRange: "SDR" | "PQ" | "HLG";
    attrs: Record<string, string | undefined>;
  }

  /** What listeners of hls.js's ERROR get. */
  interface HlsError {
    type: string;
    details: string;
    fatal: boolean;
    frag?: { level: number };
    response?: { code: number };
  }

  interface HlsSound {
    name: string;
    lang?: string;
  }

  /** The part of hls.js's interface that is used. */
  interface HlsPlayer {
    levels: HlsLevel[];
    currentLevel: number;
    loadLevel: number;
    nextLevel: number;
    autoLevelEnabled: boolean;
    bandwidthEstimate: number; // bit/s
    config: { audioPreference?: { lang: string } | { name: string }; loader: any; fLoader: any };
    audioTrack: number;
    on(event: string, listener: (event: string, data: any) => void): void;
    loadSource(url: string | undefined): void;
    attachMedia(video: HTMLVideoElement): void;
    removeLevel(index: number): void;
    startLoad(position?: number): void;
    stopLoad(): void;
    destroy(): void;
  }

  /** A short side in pixels, or original quality. */
  type QualityChoice = number | "original";

  /** How far a browser plays original quality. */
  type Playability = "none" | "by choice" | "full";

  /** Which levels an instance of hls.js gets. */
  type LevelPlan = "h264" | "original" | "both" | "nothing";

  interface QualityFacts {
    playability: Playability;
    hasH264: boolean;
    isComplete: boolean; // the H.264 renditions are
    prefersOriginal: boolean;
  }

  /** What a browser says of a MediaDecodingConfiguration. */
  interface DecodingAnswer {
    supported: boolean;
    smooth: boolean;
  }

  interface FrameCount {
    at: number; // milliseconds, as of performance.now()
    time: number; // position in the video, in seconds
    frames: number; // since the source was set, with those that were dropped
    dropped: number;
  }

  interface PlaybackState {
    isProcessing: boolean; // the video is still processed and gets longer
    isComplete: boolean; // the file with the whole video exists
    edge: number | null; // where the published part ends, in seconds
    ahead: number; // how much must lie ahead before a held playback goes on, in seconds
    isHeld: boolean; // playback waits for more of the video
    tries: number; // failed attempts in a row to load more
    failedAt: number; // position of the last failed attempt, in seconds
    hasRecovered: boolean; // from a decoding error
    isPolling: boolean; // the site is being asked for the video's status
    isWaitingForFile: boolean; // only the complete file can be played
    isWaitingForH264: boolean; // only original quality exists, and cannot be played
    hasH264: boolean; // as far as the page was told
    stalls: number; // how often hls.js stopped fetching
  }

  /** What a button of a row does, by its data-action. */
  type UploadActions = Record<string, (row: UploadRow) => unknown>;

  interface UploadLimits {
    accepted: string[]; // extensions that sentences name
    extensions: string[]; // all that are accepted
    maxBytes: number; // of one file
    resets: string; // the weekday on which the quota is reset
  }

  /** Bytes that are left; null without a limit. */
  interface UploadRoom {
    quota: number | null; // until it is reset
    storage: number | null;
  }

  /** The metadata of a tus upload. */
  interface UploadMetadata {
    filename: string;
    title: string;
    filetype?: string;
    description?: string;
    category?: string;
    playlist?: string;
  }

  /** How an upload ended; empty: it was stopped. */
  interface UploadOutcome {
    isCreated?: boolean; // the site knows of it, and no more was wanted
    isSent?: boolean;
    problem?: string; // why it failed, as a sentence
  }

  interface UploadListener {
    state(state: string, detail?: string): void;
    progress(sent: number): void; // bytes
    isKnown(url: string): boolean; // whether the page has this upload
  }

  /** As the site lists it; sizes in bytes. */
  interface UnfinishedUpload {
    url: string;
    filename: string;
    size: number;
    offset: number;
    title: string;
    description: string;
    category: string;
    playlist: string;
    expires_at: string; // ISO 8601
  }

  // What is looked for is in the page, unless a module asks with `?.`: types that are of use are
  // those of what is found.
  interface ParentNode {
    querySelector<Name extends keyof HTMLElementTagNameMap>(
      selectors: Name,
    ): HTMLElementTagNameMap[Name];
    querySelector(selectors: string): any;
    querySelectorAll<Name extends keyof HTMLElementTagNameMap>(
      selectors: Name,
    ): NodeListOf<HTMLElementTagNameMap[Name]>;
    querySelectorAll(selectors: string): NodeListOf<any>;
  }

  interface Element {
    closest(selectors: string): any;
  }

  interface DocumentFragment {
    getElementById(elementId: string): any;
  }

  interface Document {
    getElementById(elementId: string): any;
    addEventListener<Name extends keyof DocumentEvents>(
      type: Name,
      listener: (event: Targeted<DocumentEvents>[Name]) => unknown,
      options?: Options,
    ): void;
  }

  interface HTMLElement {
    addEventListener<Name extends keyof ElementEvents>(
      type: Name,
      listener: (event: Targeted<ElementEvents>[Name]) => unknown,
      options?: Options,
    ): void;
  }

  interface Window {
    htmx: {
      ajax(verb: string, path: string, context: object): Promise<void>;
      process(element: Element): void;
      trigger(element: Element, event: string, detail: object): void;
    };
    /** chart.js, on the page that has charts. */
    Chart: new (
      canvas: HTMLCanvasElement,
      config: object,
    ) => { destroy(): void };
    /** tus-js-client, once upload/tus_upload.js has loaded it. */
    tus: { Upload: new (file: File, options: object) => any };
    addEventListener<Name extends keyof WindowEventMap>(
      type: Name,
      listener: (event: Targeted<WindowEventMap>[Name]) => unknown,
      options?: Options,
    ): void;
  }

  function addEventListener<Name extends keyof WindowEventMap>(
    type: Name,
    listener: (event: Targeted<WindowEventMap>[Name]) => unknown,
    options?: Options,
  ): void;
}
