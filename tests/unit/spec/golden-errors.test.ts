import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { parseAppFile } from '../../../src/spec/parse.ts';
import { formatSpecErrors } from '../../../src/spec/spec-error.ts';
import { assertGolden, GOLDEN } from './golden.ts';

const BAD = path.join(GOLDEN, 'bad');
const files = readdirSync(BAD).filter((file) => file.endsWith('.yaml'));

test('there are at least 65 malformed files, and no message is left over from one that is gone', () => {
  assert.ok(files.length >= 65, `only ${files.length}`);
  const messages = readdirSync(BAD).filter((file) => file.endsWith('.txt'));
  assert.deepEqual(messages.sort(), files.map((file) => file.replace(/yaml$/, 'txt')).sort());
});

for (const file of files) {
  test(`${file} is refused with the messages in its golden file`, () => {
    const text = readFileSync(path.join(BAD, file), 'utf8');
    const { errors } = parseAppFile(text, { file, baseDir: '/srv/shop' });
    assert.ok(errors.length > 0, 'it was accepted');
    const message = `${formatSpecErrors(errors, { color: false })}\n`;
    assert.doesNotMatch(
      message,
      /Invalid (input|key|option)|Too (small|big)|Unrecognized|undefined|\[object/,
    );
    assertGolden(path.join(BAD, file.replace(/yaml$/, 'txt')), message);
  });

  test(`the errors of ${file} are in the order of the file, each with its place`, () => {
    const text = readFileSync(path.join(BAD, file), 'utf8');
    const { errors } = parseAppFile(text, { file, baseDir: '/srv/shop' });
    const places = errors.map((error) => [error.line ?? 0, error.column ?? 0] as const);
    assert.ok(places.every(([line, column]) => line >= 1 && column >= 1));
    const sorted = places.toSorted(([a, b], [c, d]) => a - c || b - d);
    assert.deepEqual(places, sorted);
  });
}
