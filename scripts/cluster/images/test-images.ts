/** What there is to run on a test cluster: the example shop, and a service that misbehaves on demand. */
import path from 'node:path';
import { ROOT } from '../../testing/files.ts';
import type { Image } from './archive.ts';
import { nodeImage } from './node-image.ts';

const SHOP_EDITIONS = ['1.0.0', '2.0.0', '3.0.0'];
const VERSIONS = ['v1', 'v2', 'v3'];
/** Ways to be bad, by the end of the tag; what each means is said in the service itself. */
const BAD = {
  'never-ready': 'neverReady',
  hangs: 'hangs',
  'answers-500': 'answers500',
  crashes: 'crashes',
  exits: 'exits',
  'wrong-port': 'wrongPort',
};
const CONTAINER_ENV = { HOST: '0.0.0.0', PORT: '8080' };

/**
 * All of them listen on 8080 and are ready when `/healthz` says so.
 *
 * - `localhost/shop:1.0.0` to `3.0.0`
 * - `localhost/service:v1` to `v3` say their version, and are gone on SIGTERM, whatever is open
 * - `localhost/service:v1-after-2s` to `v3-after-2s` serve for 2 s more
 * - `localhost/service:bad-...` are version `bad`, and bad as named
 */
export async function testImages(): Promise<Image[]> {
  const shop = path.join(ROOT, 'examples', 'shop');
  const shops = SHOP_EDITIONS.map((edition) =>
    nodeImage({
      name: `localhost/shop:${edition}`,
      folder: shop,
      command: ['node', 'server.mjs', edition],
      env: CONTAINER_ENV,
    }),
  );
  const good = VERSIONS.flatMap((version) => [
    service(version, { VERSION: version, ON_TERM: 'atOnce' }),
    service(`${version}-after-2s`, { VERSION: version, ON_TERM: 'after2s' }),
  ]);
  const bad = Object.entries(BAD).map(([name, kind]) =>
    service(`bad-${name}`, { VERSION: 'bad', ON_TERM: 'atOnce', BAD: kind }),
  );
  return await Promise.all([...shops, ...good, ...bad]);
}

function service(tag: string, env: Record<string, string>): Promise<Image> {
  return nodeImage({
    name: `localhost/service:${tag}`,
    folder: path.join(ROOT, 'tests', 'e2e', 'harness', 'service'),
    command: ['node', 'service.mjs'],
    env: { ...CONTAINER_ENV, ...env, DELAYS: 'none' },
  });
}
