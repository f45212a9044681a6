/**
 * `npm run build`: compiles src/ to JavaScript in dist/, for the published package. `npm pack` and `npm publish` do it by
 * themselves. The checkout needs no build.
 */
import { rmSync } from 'node:fs';
import path from 'node:path';
import { compileTo } from './compile.ts';
import { ROOT } from './testing/files.ts';

const output = path.join(ROOT, 'dist');
// A file that is gone from src/ would otherwise stay in the package.
rmSync(output, { recursive: true, force: true });
if (!compileTo(output)) process.exit(1);
