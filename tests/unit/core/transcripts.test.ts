/**
 * Every strategy with every verb, as transcripts that are read by people (tests/unit/core/golden). What is above a line
 * is written by hand, what is below it is what the core did with it. Written anew only on purpose: `npm run transcripts`,
 * and then read.
 */
import assert from 'node:assert/strict';
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { parseBlocks, printBlocks } from './transcript/blocks.ts';
import { Play } from './transcript/play.ts';

const FOLDER = path.join(import.meta.dirname, 'golden');
const FILES = globSync('*/*.txt', { cwd: FOLDER }).sort();

for (const file of FILES) {
  test(`transcript ${file}`, () => {
    const text = readFileSync(path.join(FOLDER, file), 'utf8');
    const play = new Play();
    const blocks = parseBlocks(text).map((block) => ({
      ...block,
      output: block.input.flatMap((line) => play.line(line)),
    }));
    const played = printBlocks(blocks);
    if (process.env.UPDATE_GOLDEN) writeFileSync(path.join(FOLDER, file), played);
    else
      assert.equal(played, text, 'if this is as it should be: npm run transcripts, and read the difference');
    assert.equal(play.world.state.frozen, undefined, 'no invariant was broken');
  });
}

/** What a transcript must be there for, of each of the five strategies. */
const STORIES: [what: string, line: RegExp][] = [
  ['promote', /^promote$/m],
  ['promote --full', /^promote --full$/m],
  ['abort', /^abort/m],
  ['pause', /^pause$/m],
  ['resume', /^resume$/m],
  ['undo', /^undo$/m],
  ['undo --to-revision', /^undo --to-revision /m],
  ['restart', /^restart$/m],
  ['retry', /^retry$/m],
  ['supersede', /superseded by revision/],
  ['queue', /onNewRevision=queue/],
  ['reject', /onNewRevision=reject/],
  ['scale', /^edit replicas=/m],
  ['delete', /^delete$/m],
  ['a candidate that exits before it is ready', /exits before it is ready/],
  ['a candidate that exits after it was ready', /exits after it was ready/],
  ['a candidate that never gets ready', /never gets ready/],
  ['a candidate that loses its readiness', /loses its readiness/],
  ['a candidate that answers errors', /answers errors/],
  ['a candidate that never answers', /never answers/],
];

for (const strategy of ['recreate', 'rolling', 'blue-green', 'canary', 'ab-test']) {
  test(`there is a transcript of ${strategy} with every verb`, () => {
    const all = FILES.filter((file) => path.dirname(file) === strategy)
      .map((file) => readFileSync(path.join(FOLDER, file), 'utf8'))
      .join('\n');
    const missing = STORIES.filter(([, line]) => !line.test(all)).map(([what]) => what);
    assert.deepEqual(missing, []);
  });
}
