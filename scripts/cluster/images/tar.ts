/** Writes tar archives that depend on their content only: no times, no owners. Pure. */

export interface TarEntry {
  /** Without a slash at its begin; folders are made for it. */
  path: string;
  content: Uint8Array | { linkTo: string };
  executable?: boolean;
}

const BLOCK = 512;
const MAX_NAME = 100;
const MAX_PREFIX = 155;
const MAX_LINK = 100;

/** @throws Error when a path is too long for the plain format; nothing here needs a longer one */
export function tarOf(entries: readonly TarEntry[]): Buffer {
  const blocks: Buffer[] = [];
  for (const folder of foldersOf(entries))
    blocks.push(header({ path: `${folder}/`, size: 0, mode: 0o755, type: '5' }));
  for (const { path, content, executable = false } of entries) {
    if ('linkTo' in content) {
      blocks.push(header({ path, size: 0, mode: 0o777, type: '2', linkTo: content.linkTo }));
      continue;
    }
    const mode = executable ? 0o755 : 0o644;
    blocks.push(header({ path, size: content.length, mode, type: '0' }), Buffer.from(content));
    blocks.push(Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK));
  }
  return Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)]);
}

/** Parents before their children. */
function foldersOf(entries: readonly TarEntry[]): string[] {
  const folders = new Set<string>();
  for (const { path } of entries) {
    const parts = path.split('/').slice(0, -1);
    for (const index of parts.keys()) folders.add(parts.slice(0, index + 1).join('/'));
  }
  return [...folders].sort();
}

interface Header {
  path: string;
  size: number;
  mode: number;
  type: '0' | '2' | '5';
  linkTo?: string;
}

function header({ path, size, mode, type, linkTo = '' }: Header): Buffer {
  const { prefix, name } = divided(path);
  if (Buffer.byteLength(linkTo) > MAX_LINK) throw new Error(`the link is too long for an image: ${linkTo}`);
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, width: number) => `${value.toString(8).padStart(width - 1, '0')}\0`;
  block.write(name, 0);
  block.write(octal(mode, 8), 100);
  block.write(octal(0, 8), 108);
  block.write(octal(0, 8), 116);
  block.write(octal(size, 12), 124);
  block.write(octal(0, 12), 136);
  // The checksum counts itself as spaces.
  block.write('        ', 148);
  block.write(type, 156);
  block.write(linkTo, 157);
  block.write('ustar\x00', 257);
  block.write('00', 263);
  block.write(prefix, 345);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

/** A long path is kept in two pieces, at one of its slashes. */
function divided(path: string): { prefix: string; name: string } {
  if (Buffer.byteLength(path) <= MAX_NAME) return { prefix: '', name: path };
  for (let at = path.indexOf('/'); at > 0; at = path.indexOf('/', at + 1)) {
    const [prefix, name] = [path.slice(0, at), path.slice(at + 1)];
    if (name !== '' && Buffer.byteLength(name) <= MAX_NAME && Buffer.byteLength(prefix) <= MAX_PREFIX)
      return { prefix, name };
  }
  throw new Error(`the path is too long for an image: ${path}`);
}
