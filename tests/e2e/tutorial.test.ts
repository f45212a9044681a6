import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import path from 'node:path';
import { it } from 'node:test';
import { freePort } from '../support/free-port.ts';
import { withStateDir } from '../support/state-dir.ts';
import { matches } from './doc-match.ts';
import { follow, type Place } from './doc-shell.ts';

const root = path.dirname(path.dirname(import.meta.dirname));
/** The port and the user of the pages. */
const PORT = '8000';
const USER = 'anna';

async function page(file: string, port: string): Promise<string> {
  return (await readFile(path.join(root, file), 'utf8')).replaceAll(PORT, port);
}

function placeOf(cwd: string, stateDir: string): Place {
  const user = new RegExp(`(?<= )${userInfo().username}(?= |,)`, 'g');
  return {
    cwd,
    stateDir,
    here: {
      replace: [
        [stateDir, '/tmp/crossfade-tutorial'],
        [user, USER],
      ],
    },
  };
}

it('every command of the tutorial prints what the tutorial says', async (t) => {
  const port = String(await freePort());
  const text = await page('docs/tutorial.md', port);
  await withStateDir(t, async (stateDir, folder) => {
    assert.ok((await follow(text, placeOf(folder, stateDir))) > 20);
  });
});

it('the first App of the README works as the README says', async (t) => {
  const port = String(await freePort());
  const readme = await page('README.md', port);
  const start = readme.indexOf('\n## A first App\n');
  const end = readme.indexOf('\n## ', start + 1);
  assert.ok(start >= 0 && end > start, 'README.md has no section "A first App"');
  await withStateDir(t, async (stateDir, folder) => {
    assert.ok((await follow(readme.slice(start, end), placeOf(folder, stateDir))) > 3);
  });
});

it('a page that says something else than what was printed is noticed', () => {
  const here = { replace: [] };
  const same = (page: string[], printed: string[]) => matches(page, printed, here);
  assert.ok(same(['requests 1,398 (50/s)', 'failed 0'], ['requests 12 (49/s)', 'failed 0']));
  assert.ok(same(['first', '...', 'last'], ['first', 'a', 'b', 'last']));
  assert.ok(!same(['requests 1,398', 'failed     0'], ['requests 12', 'failed     3']));
  assert.ok(!same(['stable  90%  89.96%  211  0  0.6ms'], ['stable  90%  89.96%  211  4  0.6ms']));
  assert.ok(!same(['first', '...', 'last'], ['first', 'a']));
  assert.ok(!same(['app/web is gone'], []));
  assert.ok(!same(['  stage 1/2 roll: done'], ['  stage 1/2 roll: waits']));
});
