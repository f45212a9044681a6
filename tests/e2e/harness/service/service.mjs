// A small service that can be told to misbehave, for the end-to-end tests.
// VERSION       what it says
// ON_TERM       atOnce: gone on SIGTERM, whatever is open. after2s: serves for 2 s more
// BAD           how it is bad (see the switch below), for as long as the file BAD_WHILE exists, or always
// CRASH_AFTER   with BAD=crashes: answers so many requests before it does
// DELAYS        how long its answers take: none, short (up to 40 ms), long (up to 400 ms)
// HOST          address to listen on: 127.0.0.1 unless it runs in a container
// TELL_REVISION its answers name its revision, as the embedded router would
// HOLD          a folder: while it exists, only replicas with a file of their name in it are ready
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';

const { VERSION = '1', ON_TERM = 'atOnce', BAD_WHILE = '', PORT = '0' } = process.env;
const { HOLD, HOST = '127.0.0.1', CROSSFADE_REPLICA = '' } = process.env;
const { TELL_REVISION, CROSSFADE_REVISION = '' } = process.env;
const NAMED = TELL_REVISION ? { 'x-crossfade-revision': CROSSFADE_REVISION } : {};
const isCured = BAD_WHILE !== '' && !fs.existsSync(BAD_WHILE);
const bad = isCured ? undefined : process.env.BAD;
let answered = 0;

const isHeldBack = () =>
  HOLD !== undefined && fs.existsSync(HOLD) && !fs.existsSync(path.join(HOLD, CROSSFADE_REPLICA));

function say(response, status, body, delayMs = 0) {
  const send = () => {
    const length = Buffer.byteLength(body);
    response.writeHead(status, { 'content-type': 'text/plain', 'content-length': length, ...NAMED });
    response.end(body);
  };
  // Some requests are under way whenever something happens.
  if (delayMs > 0) setTimeout(send, delayMs);
  else send();
}

const server = http.createServer((request, response) => {
  const isHealth = request.url === '/healthz';
  if (isHealth && isHeldBack()) return say(response, 503, 'not yet');
  if (!isHealth) answered += 1;
  // The head of an answer that never ends: what a stream of events is.
  if (request.url === '/open') return void response.writeHead(200).flushHeaders();
  switch (bad) {
    case 'neverReady':
      return say(response, isHealth ? 503 : 200, 'the database cannot be reached');
    case 'hangs':
      return;
    case 'hangsLater':
      if (answered > 0) return;
      break;
    case 'answers500':
      if (!isHealth) return say(response, 500, 'undefined is not a function');
      break;
    case 'crashes':
      if (answered > Number(process.env.CRASH_AFTER ?? 3)) {
        console.error('fatal: out of memory, as it were');
        process.exit(9);
      }
  }
  return isHealth ? say(response, 200, 'ok') : say(response, 200, VERSION, delayOf(answered));
});

const DELAYS_MS = { none: [0], short: [0, 5, 10, 20, 40], long: [0, 100, 200, 300, 400] };
const delays = DELAYS_MS[process.env.DELAYS ?? 'short'];
const delayOf = (n) => delays[n % delays.length];

if (bad === 'exits') {
  console.error('fatal: no configuration for this environment');
  process.exit(7);
}
server.listen(bad === 'wrongPort' ? 0 : Number(PORT), HOST, () => {
  console.log(`version ${VERSION} listens on ${server.address().port}`);
});

process.on('SIGTERM', () => {
  if (ON_TERM === 'after2s') setTimeout(() => process.exit(0), 2000);
  else process.exit(0);
});
