import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { PERL_SERVER, processesWith, removeFolder, temporaryFolder, writeFiles } from './support.ts';

const skip =
  process.getuid?.() === 0 ? false : 'needs root, to mount a small file system in a namespace of its own';

it('a full or read-only disk is told as such, leaves nothing half-made, and does not keep replicas from stopping', {
  skip,
}, async (t) => {
  const folders = [temporaryFolder(), temporaryFolder(), temporaryFolder()] as const;
  const [stateDir, source, large] = folders;
  t.after(() => {
    // The script stops what it started; this is for the case that it failed before.
    for (const pid of processesWith(stateDir)) process.kill(pid, 'SIGKILL');
    folders.forEach(removeFolder);
  });
  writeFiles(source, { 'server.pl': PERL_SERVER });
  writeFiles(large, {
    'a.bin': 'a'.repeat(1 << 20),
    'b.bin': 'b'.repeat(1 << 20),
    'c.bin': 'c'.repeat(1 << 20),
  });
  const script = fileURLToPath(new URL('./full-disk.ts', import.meta.url));
  const args = ['--mount', '--propagation', 'private', process.execPath, script, stateDir, source, large];
  const { stdout } = await promisify(execFile)('unshare', args);
  assert.deepEqual(JSON.parse(stdout), {
    prepareLarge: 'E_DISK_FULL',
    afterLarge: [1, 0],
    growFull: 'E_DISK_FULL',
    afterGrow: [1, ['1-1-0'], 0],
    stillReady: true,
    stopFull: 'ok',
    growAgain: ['1-1-1'],
    prepareReadOnly: 'E_STATE_READ_ONLY',
    growReadOnly: 'E_STATE_READ_ONLY',
    openReadOnly: 'E_STATE_READ_ONLY',
  });
});
