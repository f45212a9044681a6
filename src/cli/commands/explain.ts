import type { Command } from 'commander';
import { planFor } from '../../core/plan.ts';
import { formatSpecErrors, parseAppFile } from '../../spec/index.ts';
import type { CliContext } from '../context.ts';
import { usageError } from '../exit.ts';
import { STRATEGY_PAGES } from '../explain/index.ts';
import type { StrategyPage } from '../explain/page.ts';
import { listOf } from '../output/output.ts';
import { stageLines } from '../output/plan.ts';
import { align } from '../output/table.ts';
import { wrap } from '../output/wrap.ts';
import { type Session, withSession } from '../session.ts';

export function registerExplain(program: Command, ctx: CliContext): void {
  program
    .command('explain')
    .summary('what a strategy does, what it costs, when to use it')
    .description(
      'Explains a strategy: how it works, advantages, disadvantages, when to use it, and the stages it makes.',
    )
    .argument('[strategy]', `${STRATEGY_PAGES.map(({ kind }) => kind).join(', ')}; absent: lists them`)
    .action(
      withSession(ctx, async (session, name: string | undefined) => {
        if (name === undefined) listPages(session);
        else showPage(session, pageOf(name));
      }),
    );
}

function listPages({ out }: Session): void {
  if (out.structured) {
    out.object(listOf(STRATEGY_PAGES.map(({ kind, summary }) => ({ strategy: kind, summary }))));
    return;
  }
  out.lines(align(STRATEGY_PAGES.map(({ kind, summary }) => [out.paint('bold', kind), summary])));
  out.print('\nMore: crossfade explain STRATEGY');
}

/** `blueGreen`, `blue-green`, `bluegreen`. */
function pageOf(name: string): StrategyPage {
  const plain = (text: string): string => text.replace(/[-_]/g, '').toLowerCase();
  const page = STRATEGY_PAGES.find(({ kind }) => plain(kind) === plain(name));
  if (page !== undefined) return page;
  throw usageError(
    `there is no strategy "${name}"`,
    `strategies: ${STRATEGY_PAGES.map(({ kind }) => kind).join(', ')}`,
  );
}

function showPage({ out }: Session, page: StrategyPage): void {
  const plan = examplePlan(page);
  if (out.structured) {
    const { kind, ...rest } = page;
    out.object({ strategy: kind, ...rest, stages: plan.stages, peakReplicas: plan.peakReplicas });
    return;
  }
  const width = Math.min(out.columns, 100);
  const section = (title: string, lines: string[]): string[] => ['', out.paint('bold', title), ...lines];
  const bullets = (texts: string[]): string[] =>
    texts.flatMap((text) =>
      wrap(text, width - 4).map((line, index) => (index === 0 ? `  - ${line}` : `    ${line}`)),
    );
  const paragraphs = page.howItWorks.map((text) => wrap(text, width - 2).map((line) => `  ${line}`));
  out.lines([
    `${out.paint('bold', page.kind)}: ${page.summary}`,
    ...section(
      'How it works',
      paragraphs.flatMap((lines, index) => (index === 0 ? lines : ['', ...lines])),
    ),
    ...section('Advantages', bullets(page.advantages)),
    ...section('Disadvantages', bullets(page.disadvantages)),
    ...section('When to use it', bullets(page.whenToUse)),
    ...section(
      'An example',
      page.example
        .trimEnd()
        .split('\n')
        .map((line) => `  ${line}`),
    ),
    ...section(
      'The stages it makes, from a stable revision with 3 replicas',
      stageLines(plan, out).map((line) => `  ${line}`),
    ),
    `  At most ${plan.peakReplicas} replicas at once.`,
  ]);
}

/** By the compiler that releases use: this page cannot promise what the product does not do. */
function examplePlan(page: StrategyPage): ReturnType<typeof planFor> {
  const { apps, errors } = parseAppFile(page.example, { file: `the example of ${page.kind}`, baseDir: '/' });
  const [spec] = apps;
  if (spec === undefined || errors.length > 0) throw new Error(formatSpecErrors(errors, { color: false }));
  return planFor({ spec });
}
