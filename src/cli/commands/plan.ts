import type { Command } from 'commander';
import type { PlanView } from '../../api/types.ts';
import { planFor } from '../../core/plan.ts';
import { renderApp } from '../../spec/index.ts';
import { collect } from '../arguments.ts';
import type { CliContext } from '../context.ts';
import { type LoadedApp, loadApps } from '../files.ts';
import { listOf } from '../output/output.ts';
import { planLines } from '../output/plan.ts';
import { type Session, withSession } from '../session.ts';

export function registerPlan(program: Command, ctx: CliContext): void {
  program
    .command('plan')
    .summary('what apply would do: stages, replica counts, outages, differences')
    .description(
      'Prints the stages that applying a file would go through, before anything happens. Compares with what is stored when a daemon runs; otherwise compares with nothing and says so. Never starts a daemon.',
    )
    .requiredOption(
      '-f, --filename <file>',
      'App file, folder, or - for standard input; may be repeated',
      collect,
    )
    .action(
      withSession(ctx, async (session, flags: { filename: string[] }) => {
        const apps = await loadApps(session, flags.filename);
        const plans = await Promise.all(await plansOf(session, apps));
        const { out } = session;
        if (out.structured) {
          out.object(plans.length === 1 ? plans[0] : listOf(plans));
          return;
        }
        for (const [index, plan] of plans.entries()) {
          if (index > 0) out.print('');
          out.lines(planLines(plan, out));
        }
      }),
    );
}

async function plansOf(session: Session, apps: readonly LoadedApp[]): Promise<Promise<PlanView>[]> {
  const client = await session.runningClient();
  return apps.map(async ({ spec, baseDir }) => {
    if (client === undefined) return planFor({ spec });
    const { name, namespace } = spec.metadata;
    const place = session.flags.server === undefined ? { baseDir } : {};
    return client.plan({ name, namespace }, { app: renderApp(spec), ...place });
  });
}
