// A small web shop in plain Node: no dependencies, nothing to build.
// node server.mjs 1.0.0    (the edition to serve; PORT and HOST from the environment)
import http from 'node:http';
import { productById } from './catalogue.mjs';
import { cartPage, shopPage } from './pages.mjs';

const edition = await loadEdition(process.argv[2] ?? '1.0.0');
const BODY_LIMIT_BYTES = 1024;
const CART_LIMIT = 50;

async function loadEdition(version) {
  try {
    return (await import(`./editions/${version}.mjs`)).default;
  } catch (error) {
    console.error(`shop ${version} cannot start: ${error.message}`);
    return process.exit(1);
  }
}

/** The cart is in the visitor's cookie: it outlives replicas and releases. */
function cartOf(request) {
  const cookie = /(?:^|;\s*)cart=([a-z.]*)/.exec(request.headers.cookie ?? '');
  return (cookie?.[1] ?? '')
    .split('.')
    .filter((id) => productById.has(id))
    .slice(0, CART_LIMIT);
}

async function addToCart(request, response) {
  let body = '';
  for await (const chunk of request) {
    body += chunk;
    if (body.length > BODY_LIMIT_BYTES) return answer(response, 413, 'text/plain', 'too much\n');
  }
  const product = new URLSearchParams(body).get('product') ?? '';
  if (!productById.has(product)) return answer(response, 400, 'text/plain', 'no such product\n');
  const cart = [...cartOf(request), product].slice(0, CART_LIMIT).join('.');
  response.setHeader('set-cookie', `cart=${cart}; Path=/; HttpOnly; SameSite=Lax`);
  response.writeHead(303, { location: '/cart' }).end();
}

function answer(response, status, type, body) {
  response.writeHead(status, {
    'content-type': `${type}; charset=utf-8`,
    'content-length': Buffer.byteLength(body),
    'x-app-version': edition.version,
  });
  response.end(body);
}

const routes = {
  'GET /': (request, response) => answer(response, 200, 'text/html', shopPage(edition, cartOf(request))),
  'GET /cart': (request, response) => answer(response, 200, 'text/html', cartPage(edition, cartOf(request))),
  'POST /cart': addToCart,
  'GET /healthz': (_request, response) => answer(response, 200, 'text/plain', 'ok\n'),
  'GET /api/version': (_request, response) =>
    answer(response, 200, 'application/json', `{"version": "${edition.version}", "errors": []}\n`),
};

const server = http.createServer((request, response) => {
  const route = routes[`${request.method} ${request.url.split('?')[0]}`];
  if (route === undefined) return answer(response, 404, 'text/plain', 'not found\n');
  return route(request, response);
});

const port = Number(process.env.PORT ?? 8080);
const host = process.env.HOST ?? '127.0.0.1';
server.listen(port, host, () => console.log(`shop ${edition.version} listens on port ${port}`));

process.on('SIGTERM', () => {
  console.log('shop closes');
  server.close(() => process.exit(0));
  server.closeIdleConnections();
});
