/** Container images without a container tool: the archive that `docker save` would write. Pure. */
import { createHash } from 'node:crypto';
import { type TarEntry, tarOf } from './tar.ts';

export interface Image {
  /** Repository and tag: `localhost/shop:1`. */
  name: string;
  /** From the bottom to the top, each a tar archive. Images that have the same share it. */
  layers: readonly Uint8Array[];
  command: readonly string[];
  /** Before the command, and kept when a pod gives `args`. */
  entryPoint?: readonly string[];
  env?: Record<string, string>;
  workingFolder?: string;
  /** `uid` or `uid:gid`. Default: root. */
  user?: string;
}

/** One archive with all of the images, each layer once. */
export function imageArchive(images: readonly Image[]): Buffer {
  const entries = new Map<string, TarEntry>();
  const add = (content: Uint8Array, suffix: string) => {
    const path = `${createHash('sha256').update(content).digest('hex')}${suffix}`;
    entries.set(path, { path, content });
    return path;
  };
  const manifest = images.map((image) => {
    const layers = image.layers.map((layer) => add(layer, '.tar'));
    const config = Buffer.from(JSON.stringify(imageConfig(image, layers)));
    return { Config: add(config, '.json'), RepoTags: [image.name], Layers: layers };
  });
  const last = { path: 'manifest.json', content: Buffer.from(JSON.stringify(manifest)) };
  return tarOf([...entries.values(), last]);
}

function imageConfig(image: Image, layers: readonly string[]): object {
  const env = Object.entries({ PATH: '/usr/local/bin:/usr/bin:/bin', ...image.env });
  return {
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    config: {
      ...(image.entryPoint === undefined ? {} : { Entrypoint: image.entryPoint }),
      Cmd: image.command,
      Env: env.map(([name, value]) => `${name}=${value}`),
      WorkingDir: image.workingFolder ?? '/',
      ...(image.user === undefined ? {} : { User: image.user }),
    },
    rootfs: { type: 'layers', diff_ids: layers.map((name) => `sha256:${name.replace('.tar', '')}`) },
  };
}
