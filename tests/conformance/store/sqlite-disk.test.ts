import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, it } from 'node:test';

/** Root owns mounts here; anyone else becomes root of a user namespace, where the system allows that. */
const NAMESPACE = process.getuid?.() === 0 ? ['-m'] : ['-r', '-m'];
const unsupported =
  spawnSync('unshare', [...NAMESPACE, 'true']).status === 0 ? false : 'this system allows no private mounts';

let folder: string;
before(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'crossfade-disk-'));
});
after(() => rmSync(folder, { recursive: true }));

function inNamespace(script: string): { status: number | null; stdout: string; stderr: string } {
  const phases = path.join(import.meta.dirname, 'disk-phases.ts');
  const shell = ['unshare', ...NAMESPACE, 'sh', '-c', script, 'sh', folder, process.execPath, phases];
  return spawnSync(shell[0] ?? '', shell.slice(1), { encoding: 'utf8' });
}

it('keeps room for the last commits on a full disk, loses nothing, and recovers', {
  skip: unsupported,
}, () => {
  const { status, stdout, stderr } = inNamespace(`
    mount -t tmpfs -o size=3m none "$1" || exit 90
    "$2" "$3" fill "$1"
    [ $? -eq 137 ] || exit 91
    "$2" "$3" reopenFull "$1" || exit 92
    "$2" "$3" freed "$1" || exit 93`);
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^\d+\n$/);
});

it('says that a read-only state folder is read-only', { skip: unsupported }, () => {
  const { status, stderr } = inNamespace(`
    mount -t tmpfs -o size=3m none "$1" && mount -o remount,ro "$1" || exit 90
    "$2" "$3" readOnly "$1/state"  || exit 91
    "$2" "$3" readOnly "$1"`);
  assert.equal(status, 0, stderr);
});
