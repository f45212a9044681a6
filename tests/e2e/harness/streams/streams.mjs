// Says its version: in an answer, in a stream that goes on, and over a WebSocket that echoes short messages.
import { createHash } from 'node:crypto';
import http from 'node:http';

const { VERSION, PORT } = process.env;
const TICK_MS = 50;
const ACCEPT = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

const server = http.createServer((request, response) => {
  if (request.url === '/told') {
    const { 'x-forwarded-for': client, 'x-forwarded-proto': proto } = request.headers;
    response.end(`${proto} ${client}`);
    return;
  }
  if (request.url !== '/stream') {
    response.end(VERSION);
    return;
  }
  response.write(`${VERSION}\n`);
  const ticking = setInterval(() => response.write(`${VERSION}\n`), TICK_MS);
  response.on('close', () => clearInterval(ticking));
});

server.on('upgrade', (request, socket) => {
  const accept = createHash('sha1')
    .update(request.headers['sec-websocket-key'] + ACCEPT)
    .digest('base64');
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  socket.on('error', () => {});
  // One frame in a piece: the test sends a short message and waits for its echo.
  socket.on('data', (frame) => {
    const isText = (frame[0] & 0x0f) === 1;
    if (!isText) {
      socket.end();
      return;
    }
    const length = frame[1] & 0x7f;
    const mask = frame.subarray(2, 6);
    const text = Buffer.from(frame.subarray(6, 6 + length).map((byte, i) => byte ^ mask[i % 4]));
    const echo = Buffer.concat([Buffer.from(`${VERSION}: `), text]);
    socket.write(Buffer.concat([Buffer.from([0x81, echo.length]), echo]));
  });
});

process.on('SIGTERM', () => process.exit(0));
server.listen(Number(PORT), '127.0.0.1');
