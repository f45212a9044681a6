import type { Command } from 'commander';
import type { Check, CliContext } from '../context.ts';
import { runChecks } from '../doctor/checks.ts';
import { EXIT, Exit } from '../exit.ts';
import { listOf } from '../output/output.ts';
import { plural } from '../output/view.ts';
import { type Session, withSession } from '../session.ts';

export function registerDoctor(program: Command, ctx: CliContext): void {
  program
    .command('doctor')
    .summary('check this machine and the daemon, and say what to do')
    .description(
      'Checks the Node.js version, the state dir, the daemon, the router, ports, the clock and limits, and says what to do about each problem. Of a cluster: its kinds, your rights, the controller and the kinds of its routers. Never starts a daemon. Exit code 1 when a check failed.',
    )
    .action(
      withSession(ctx, async (session) => {
        const checks = await runChecks(session);
        if (session.out.structured) session.out.object(listOf(checks));
        else
          session.out.lines([...checks.flatMap((check) => checkLines(check, session)), '', summary(checks)]);
        if (checks.some(({ status }) => status === 'failed')) throw new Exit(EXIT.failed);
      }),
    );
}

function checkLines({ name, status, found, todo }: Check, { out }: Session): string[] {
  const marks = {
    ok: out.paint('green', out.glyphs.done),
    warning: out.paint('yellow', '!'),
    failed: out.paint('red', out.glyphs.failed),
  };
  const lines = [`${marks[status]} ${name}: ${found}`];
  return todo === undefined ? lines : [...lines, `    ${out.glyphs.arrow} ${todo}`];
}

function summary(checks: readonly Check[]): string {
  const count = (status: Check['status']): number => checks.filter((check) => check.status === status).length;
  const failed = count('failed');
  const warnings = count('warning');
  if (failed === 0 && warnings === 0) return 'all is well';
  return `${plural(failed, 'problem')}, ${plural(warnings, 'warning')}`;
}
