// A small service whose replicas become ready when the test says so.
// VERSION   what it says
// HOLD      a folder: while it exists, only replicas with a file of their name in it are ready
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';

const { VERSION = '1', HOLD, PORT, CROSSFADE_REPLICA = '' } = process.env;
let answered = 0;

const isHeldBack = () =>
  HOLD !== undefined && fs.existsSync(HOLD) && !fs.existsSync(path.join(HOLD, CROSSFADE_REPLICA));

function say(response, status, body) {
  response.writeHead(status, { 'content-type': 'text/plain', 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

const server = http.createServer((request, response) => {
  if (request.url === '/healthz')
    return isHeldBack() ? say(response, 503, 'not yet') : say(response, 200, 'ok');
  answered += 1;
  // Some requests are under way whenever something happens.
  setTimeout(() => say(response, 200, VERSION), [0, 5, 10, 20, 40][answered % 5]);
});
server.listen(Number(PORT), '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
