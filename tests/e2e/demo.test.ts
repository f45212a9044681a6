import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import type { DemoReport } from '../../src/cli/demo-report.ts';
import { DEMO_STRATEGIES, type DemoStrategy } from '../../src/cli/demo-shop.ts';
import { cliOk, startCli } from '../support/cli.ts';
import { isFullTest } from '../support/full.ts';
import { processesThatStay } from '../support/processes.ts';
import { waitFor } from '../support/wait-for.ts';

/** One that splits and one that stops everything; all of them with CROSSFADE_TEST_FULL. */
const SAMPLE: DemoStrategy[] = ['canary', 'recreate'];
const strategies = isFullTest() ? DEMO_STRATEGIES : SAMPLE;

const folderIn = (text: string) => /It all happens in (\S+),/.exec(text)?.[1];

async function assertNothingLeft(folder: string | undefined): Promise<void> {
  assert.ok(folder !== undefined);
  assert.deepEqual(await processesThatStay(folder, 40_000), []);
  assert.equal(existsSync(folder), false);
}

for (const strategy of strategies) {
  test(`demo --strategy ${strategy}: nothing lost, the split as asked, the bad version stopped, nothing left`, async () => {
    const { stdout, stderr } = await cliOk(['demo', '--strategy', strategy, '-o', 'json'], {
      timeoutMs: 180_000,
    });
    const report = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as DemoReport;
    assert.equal(report.strategy, strategy);
    assert.equal(report.verdict, 'promoted');
    assert.equal(report.failed, 0);
    assert.ok(report.requests > 500, `${report.requests} requests`);
    assert.ok(report.slowestMs > 0 && report.cutoverMs !== null);
    assert.equal(report.outageMs !== null, strategy === 'recreate');
    assertSplits(report);
    assert.equal(report.badRelease.verdict, 'aborted');
    assert.equal(report.badRelease.failed, 0);
    assert.equal(report.badRelease.reason.code, 'E_CANDIDATE_EXITS');
    assert.match(report.badRelease.reason.message, /PAYMENT_URL is not set/);
    await assertNothingLeft(folderIn(stderr));
  });
}

/** Counted splits are exact to two requests: the first and the last of a stage may belong to its neighbours. */
function assertSplits({ strategy, stages }: DemoReport): void {
  const asked = stages.filter((stage) => stage.askedPercent !== null && stage.askedPercent > 0);
  assert.ok(asked.length > 0);
  for (const { name, askedPercent, measuredPercent, requests } of asked) {
    assert.ok(measuredPercent !== null && askedPercent !== null && requests > 0, name);
    const byChance = strategy === 'abTest' && askedPercent < 100;
    const off = (Math.abs(measuredPercent - askedPercent) * requests) / 100;
    assert.ok(off <= (byChance ? 4 * Math.sqrt(requests) : 2), `${name}: ${measuredPercent}% of ${requests}`);
  }
}

test('Ctrl-C in the middle of a release ends the demo and all that it started', async () => {
  const { child, result } = startCli(['demo', '--strategy', 'canary'], { timeoutMs: 180_000 });
  let printed = '';
  child.stdout?.on('data', (text) => {
    printed += text;
  });
  await waitFor(() => printed.includes('2 (v1-') && folderIn(printed), {
    timeoutMs: 120_000,
    what: 'the release of 2.0.0',
  });
  child.kill('SIGINT');
  const { code } = await result;
  assert.equal(code, 130);
  await assertNothingLeft(folderIn(printed));
});
