/** `npm run image -- FILE [--name REFERENCE]`: the image of the controller, without a container tool. */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { imageArchive } from '../cluster/images/archive.ts';
import { programImage } from './program-image.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { name: { type: 'string', default: 'crossfade:latest' } },
});
const [file, ...rest] = positionals;
if (file === undefined || rest.length > 0) {
  console.error('usage: npm run image -- FILE [--name REFERENCE]');
  process.exit(1);
}
const archive = imageArchive([await programImage(values.name)]);
await writeFile(file, archive);
console.log(`${file}: ${values.name}, ${Math.round(archive.length / 1e6)} MB`);
console.log('docker load, podman load, ctr images import and skopeo read it');
