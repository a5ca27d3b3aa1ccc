// Sends one file with tus-js-client, as its documentation shows for Node. The first argument is
// JSON: url, path, piece (bytes of a request), headers, tries (of a request), delay (ms).
import { createReadStream } from "node:fs";
import { Upload } from "tus-js-client";

const { url, path, piece, headers, tries, delay } = JSON.parse(process.argv[2]);

const upload = new Upload(createReadStream(path), {
  endpoint: url,
  chunkSize: piece,
  headers,
  metadata: { filename: "sea.mp4", filetype: "video/mp4" },
  retryDelays: Array(tries).fill(delay),
  onShouldRetry: () => true,
  onError: (error) => {
    console.error(error);
    process.exit(1);
  },
  onSuccess: () => process.exit(0),
});
upload.start();
