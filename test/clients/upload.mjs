// Uploads a file with tus-js-client, pausing once on the way, and prints what it saw as JSON.
// node upload.mjs ENDPOINT FILE CHUNK [creation]
import { stat } from "node:fs/promises";
import { createReadStream } from "node:fs";
import * as tus from "tus-js-client";

const [endpoint, file, chunk, creation] = process.argv.slice(2);
const { size } = await stat(file);
const saw = { failure: "", pauses: 0, retries: 0, requests: {}, url: "" };

const upload = new tus.Upload(createReadStream(file), {
  endpoint,
  uploadSize: size,
  chunkSize: Number(chunk),
  metadata: { filename: "from tus-js.bin", filetype: "application/octet-stream" },
  uploadDataDuringCreation: creation === "creation",
  retryDelays: [0, 100, 500, 1000, 2000, 3000, 5000],
  onBeforeRequest(req) {
    saw.requests[req.getMethod()] = (saw.requests[req.getMethod()] ?? 0) + 1;
  },
  onShouldRetry() {
    saw.retries++;
    return true;
  },
  onChunkComplete(_, accepted) {
    if (saw.pauses === 0 && accepted > size / 6 && accepted < size) {
      saw.pauses++;
      upload.abort().then(() => setTimeout(() => upload.start(), 50));
    }
  },
  onError(error) {
    saw.failure = String(error);
    finish();
  },
  onSuccess: finish,
});

function finish() {
  saw.url = upload.url;
  console.log(JSON.stringify(saw));
}

upload.start();
