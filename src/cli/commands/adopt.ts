import type { Command } from 'commander';
import { Option } from 'commander';
import type { GiveBackPlan } from '../../adoption/give-back.ts';
import { type AdoptionPlan, type AdoptionWish, STRATEGIES } from '../../adoption/plan.ts';
import { oneAppName } from '../arguments.ts';
import type { CliContext, Cluster } from '../context.ts';
import { usageError } from '../exit.ts';
import { align } from '../output/table.ts';
import { type Session, withSession } from '../session.ts';

interface AdoptFlags {
  dryRun?: boolean;
  name?: string;
  container?: string;
  service?: string;
  ingress?: string;
  httproute?: string;
  strategy?: NonNullable<AdoptionWish['strategy']>;
}

export function registerAdopt(program: Command, ctx: CliContext): void {
  program
    .command('adopt')
    .summary('take over a Deployment that runs already, without restarting a pod')
    .description(
      'Makes an App of a Deployment, with its pods as the stable revision. Prints each step; with --dry-run only what it would do. The Deployment is paused and stays what people and GitOps change: a new image there is a release of the App. What was interrupted goes on when it is run again; `release-ownership` gives everything back.',
    )
    .argument('<deployment>', 'deployment/NAME or NAME')
    .option('--dry-run', 'print the plan; change nothing')
    .option('--name <app>', 'name of the App; absent: that of the Deployment')
    .option('--container <name>', 'the container whose image is the version; absent: the first')
    .option('--service <name>', 'the Service that leads to it; absent: the one that selects its pods')
    .option(
      '--httproute <name>',
      'split requests by this HTTPRoute; without it and --ingress: by the Service alone',
    )
    .option('--ingress <name>', 'split requests by this Ingress, with the annotations of ingress-nginx')
    .addOption(
      new Option('--strategy <kind>', 'how it is released; absent: as the Deployment is').choices([
        ...STRATEGIES,
      ]),
    )
    .action(
      withSession(ctx, async (session, name: string, flags: AdoptFlags) => {
        const cluster = await session.cluster();
        const plan = await cluster.planAdoption(wishOf(namespaceOf(session, cluster), name, flags));
        if (flags.dryRun)
          return show(session, plan, `app/${plan.app} would adopt deployment/${plan.deployment}`);
        await cluster.adopt(plan, ({ object, does }) => {
          if (!session.out.structured) session.out.print(`${object} ${does}`);
        });
        if (session.out.structured) session.out.object(plan);
        else
          session.out.print(
            `app/${plan.app} has adopted deployment/${plan.deployment}: ${plan.pods.length} pods, none restarted`,
          );
      }),
    );
}

export function registerReleaseOwnership(program: Command, ctx: CliContext): void {
  program
    .command('release-ownership')
    .summary('give back what an App has adopted, without restarting a pod')
    .description(
      'The Deployment gets the present pods of the App, its Service and its HTTPRoute or Ingress lead where they led before, and the App is removed. Prints each step; with --dry-run only what it would do. What was interrupted goes on when it is run again.',
    )
    .argument('<app...>', 'app/NAME or NAME')
    .option('--dry-run', 'print the plan; change nothing')
    .action(
      withSession(ctx, async (session, args: string[], flags: { dryRun?: boolean }) => {
        const cluster = await session.cluster();
        const plan = await cluster.planGiveBack({
          namespace: namespaceOf(session, cluster),
          name: oneAppName(args),
        });
        if (flags.dryRun)
          return show(session, plan, `app/${plan.app} would give back deployment/${plan.deployment}`);
        await cluster.giveBack(plan, ({ object, does }) => {
          if (!session.out.structured) session.out.print(`${object} ${does}`);
        });
        if (session.out.structured) session.out.object(plan);
        else session.out.print(`app/${plan.app} has given back deployment/${plan.deployment}`);
      }),
    );
}

/** The cluster is that of the kubeconfig, also when no flag names it: so is its namespace. */
function namespaceOf({ flags }: Session, cluster: Cluster): string {
  return flags.namespace ?? cluster.namespace;
}

function wishOf(namespace: string, argument: string, flags: AdoptFlags): AdoptionWish {
  const [kind, rest] = argument.includes('/') ? argument.split('/') : ['deployment', argument];
  if (!/^(deploy|deployment|deployments)(\.apps)?$/.test(kind ?? ''))
    throw usageError(`${argument}: expected deployment/NAME`, 'only Deployments are adopted');
  const { name, container, service, httproute: httpRoute, ingress, strategy } = flags;
  const given = { name, container, service, httpRoute, ingress, strategy };
  const chosen = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return { namespace, deployment: rest ?? '', ...chosen };
}

function show({ out }: Session, plan: AdoptionPlan | GiveBackPlan, title: string): void {
  if (out.structured) {
    out.object(plan);
    return;
  }
  const rows = plan.steps.map(({ object, does }, index) => [`${index + 1}.`, object, does]);
  out.lines([
    title,
    '',
    ...align(rows, '  ').map((line) => `  ${line}`),
    '',
    ...plan.notes.map((note) => `Note: ${note}`),
  ]);
}
