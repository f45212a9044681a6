import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { findProgram } from '../../../scripts/system-packages.ts';
import { completionScript } from '../../../src/cli/completion/script.ts';
import { buildProgram } from '../../../src/cli/program.ts';
import { systemPackages } from '../../support/system-packages.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { fakeContext, run } from './fake-context.ts';

const program = buildProgram(fakeContext().ctx);

/** What bash offers for this line, the cursor at its end. */
function offers(...words: string[]): string[] {
  const script = `${completionScript(program, 'bash')}
crossfade() { printf 'shop\\ncart\\n'; }
COMP_WORDS=(crossfade ${words.map((word) => `'${word}'`).join(' ')})
COMP_CWORD=${words.length}
_crossfade
printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync('bash', ['-c', script], { encoding: 'utf8' }).trim().split('\n');
}

test('the bash script is good bash', () => {
  const checked = spawnSync('bash', ['-n'], { input: completionScript(program, 'bash'), encoding: 'utf8' });
  assert.deepEqual([checked.status, checked.stderr], [0, '']);
});

test('bash is offered commands, subcommands, flags, values and Apps', () => {
  assert.deepEqual(offers('sc'), ['scale', 'schema']);
  assert.deepEqual(offers('rollout', 're'), ['resume', 'restart', 'retry']);
  assert.deepEqual(offers('rollout', 'undo', '--to-'), ['--to-revision']);
  assert.deepEqual(offers('get', 'apps', '-o', 'j'), ['json']);
  assert.deepEqual(offers('-o', 'json', 'get', 're'), ['revisions', 'releases', 'replicas']);
  assert.deepEqual(offers('explain', 'can'), ['canary']);
  assert.deepEqual(offers('rollout', 'status', 's'), ['shop']);
  assert.deepEqual(offers('completion', 'f'), ['fish']);
});

test('zsh and fish are told every command', () => {
  const zsh = completionScript(program, 'zsh');
  assert.match(zsh, /^#compdef crossfade xf\n/);
  const fish = completionScript(program, 'fish');
  for (const command of program.commands.filter((each) => !each.name().startsWith('__'))) {
    assert.ok(fish.includes(` -a '${command.name()}'`), command.name());
  }
  assert.doesNotMatch(fish, /__complete/);
});

test('zsh takes its script, and fish offers what it is told', async (t) => {
  const packages = await systemPackages(t, ['zsh', 'fish', 'libpcre2-32-0']);
  if (packages === undefined) return;
  const home = await tempDir(t);
  const env = { ...packages.env, HOME: home };
  const zsh = await findProgram(packages, 'zsh');
  const input = completionScript(program, 'zsh');
  const checked = spawnSync(zsh, ['-n'], { input, encoding: 'utf8', env });
  assert.deepEqual([checked.status, checked.stderr], [0, '']);
  const script = path.join(home, 'crossfade.fish');
  writeFileSync(script, completionScript(program, 'fish'));
  const fish = await findProgram(packages, 'fish');
  const offered = (line: string) => {
    const ran = spawnSync(fish, ['--no-config', '-c', `source ${script}; complete -C '${line}'`], {
      encoding: 'utf8',
      env,
    });
    assert.equal(ran.status, 0, ran.stderr);
    return ran.stdout.split('\n').map((one) => one.split('\t')[0]);
  };
  assert.deepEqual(offered('crossfade sc').filter(Boolean).sort(), ['scale', 'schema']);
  assert.ok(offered('crossfade rollout re').includes('restart'));
  assert.ok(offered('crossfade explain can').includes('canary'));
});

test('an unknown shell is refused with the known ones', async () => {
  const ran = await run(['completion', 'csh']);
  assert.equal(ran.code, 2);
  assert.match(ran.stderr, /bash, zsh, fish/);
});
