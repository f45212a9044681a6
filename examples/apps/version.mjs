// The smallest service that can be released: says which version it is.
// VERSION            what it says (default 1.0.0)
// START_DELAY_MS     how long it takes to be ready
// CRASH_AFTER        how many requests it answers before it crashes; 0: never
// STOP_DELAY_MS      how long it goes on after SIGTERM; without it, it is gone at once, whatever is open
import http from 'node:http';

const { VERSION = '1.0.0', PORT = '8080', START_DELAY_MS = '0', STOP_DELAY_MS = '0' } = process.env;
const crashAfter = Number(process.env.CRASH_AFTER ?? 0);
const body = `{"version": "${VERSION}", "errors": []}\n`;
let ready = false;
let answered = 0;

const server = http.createServer((request, response) => {
  if (request.url !== '/healthz') answered += 1;
  if (crashAfter > 0 && answered > crashAfter)
    throw new Error(`out of memory, as it were, after ${crashAfter} requests`);
  const status = request.url === '/healthz' && !ready ? 503 : 200;
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'x-app-version': VERSION,
  });
  response.end(body);
});

server.listen(Number(PORT), '127.0.0.1', () => {
  setTimeout(() => {
    ready = true;
    console.log(`version ${VERSION} is ready on port ${PORT}`);
  }, Number(START_DELAY_MS));
});

process.on('SIGTERM', () => setTimeout(() => process.exit(0), Number(STOP_DELAY_MS)));
