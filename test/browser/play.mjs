// play.mjs CHROMIUM URL [opened]
//
// Plays URL in Chromium, seeks to the middle, plays on, and prints what the browser saw as one JSON
// object. It judges nothing: browser_test.go does. By default the URL is the source of an <audio> in
// a page of another origin; with "opened" it is opened itself, as a person does who clicks on it.

import http from 'node:http';
import { chromium } from 'playwright-core';

const [executablePath, url, how] = process.argv.slice(2);
const patience = 15_000; // ms, for each thing that is waited for

const result = { responses: [] };
const browser = await chromium.launch({
  executablePath,
  headless: true,
  args: [
    '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', '--autoplay-policy=no-user-gesture-required',
  ],
});
try {
  const page = await browser.newPage();
  let seeking = false;
  page.on('response', (r) => {
    if (r.request().resourceType() !== 'media') return;
    result.responses.push({
      status: r.status(),
      range: r.request().headers().range ?? '',
      contentRange: r.headers()['content-range'] ?? '',
      contentType: r.headers()['content-type'] ?? '',
      afterSeek: seeking,
    });
  });
  await page.goto(how === 'opened' ? url : await playerPage(url));

  const media = await page.waitForSelector('audio, video', { state: 'attached', timeout: patience });
  const plays = (from) =>
    page.waitForFunction(([m, t]) => m.error || m.currentTime >= t, [media, from], { timeout: patience });

  await plays(0.5);
  result.started = await snapshot(media);
  if (!result.started.error) {
    seeking = true;
    result.seekedTo = await media.evaluate(
      (m, ms) => new Promise((resolve) => {
        m.addEventListener('seeked', () => resolve(m.currentTime), { once: true });
        setTimeout(() => resolve(-1), ms);
        m.currentTime = m.duration / 2;
      }),
      patience,
    );
    await plays(result.started.duration / 2 + 0.5);
    result.resumed = await snapshot(media);
  }
} catch (e) {
  result.failure = String(e);
} finally {
  await browser.close();
}
console.log(JSON.stringify(result));

// playerPage serves a page that plays url, and returns its address. A page with an http address of
// its own stays clear of what browsers forbid about:blank and data: pages to load.
async function playerPage(url) {
  const server = http.createServer((_, response) => {
    response.setHeader('Content-Type', 'text/html');
    response.end(`<!doctype html><link rel=icon href="data:,"><audio src="${url}" autoplay controls></audio>`);
  });
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  server.unref();
  return `http://127.0.0.1:${server.address().port}/`;
}

function snapshot(media) {
  return media.evaluate((m) => {
    const ranges = (r) => Array.from({ length: r.length }, (_, i) => [r.start(i), r.end(i)]);
    return {
      time: m.currentTime,
      duration: m.duration,
      paused: m.paused,
      error: m.error ? `${m.error.code} ${m.error.message}` : '',
      buffered: ranges(m.buffered),
      seekable: ranges(m.seekable),
    };
  });
}
