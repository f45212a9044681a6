import { lookup } from 'node:dns/promises';

/** Every instance behind these URLs: one that is asked through a name with several addresses tells only its own counts. */
export async function addressesOf(urls: readonly string[]): Promise<string[]> {
  return (await Promise.all(urls.map(instancesOf))).flat();
}

async function instancesOf(url: string): Promise<string[]> {
  const { hostname } = new URL(url);
  const found = await lookup(hostname.replace(/^\[|\]$/g, ''), { all: true });
  return found.map(({ address, family }) => {
    const instance = new URL(url);
    instance.hostname = family === 6 ? `[${address}]` : address;
    return instance.href;
  });
}
