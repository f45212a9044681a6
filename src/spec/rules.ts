import type { z } from 'zod';
import { type Problem, valueAt } from './problem.ts';
import { healthRules } from './rules-health.ts';
import { kubernetesRules } from './rules-kubernetes.ts';
import { routeRules } from './rules-route.ts';
import { runRules } from './rules-run.ts';
import { strategyRules } from './rules-strategy.ts';
import { type SpecDocument, spec as specSchema } from './schema.ts';
import { run as runSchema } from './schema-run.ts';
import { STRATEGIES } from './schema-strategy.ts';

/** What a rule may look at. Fields that are wrong in themselves are absent: rules about them wait until they are right. */
export interface RuleContext {
  spec: Partial<SpecDocument>;
  /** The strategy that was chosen, also when something in it is wrong. */
  strategy: (typeof STRATEGIES)[number] | undefined;
  /** What was written there, right or wrong; the path is below `spec`. */
  raw(path: PropertyKey[]): unknown;
  /** Whether the field was written at all, right or wrong. */
  given(field: keyof SpecDocument): boolean;
  baseDir: string | undefined;
  /** The parts of spec.run that are right in themselves. */
  run: Partial<SpecDocument['run']>;
  /** @param path below `spec` */
  problem(
    path: PropertyKey[],
    message: string,
    more?: Partial<Pick<Problem, 'at' | 'code' | 'suggestion' | 'expected'>>,
  ): void;
}

/** Rules that concern several fields at once. Run also when the schema found mistakes, so that all are told together. */
export function checkRules(document: unknown, baseDir: string | undefined): Problem[] {
  const raw = valueAt(document, ['spec']);
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) return [];
  const problems: Problem[] = [];
  const context: RuleContext = {
    spec: parsePartly(specSchema.shape, raw),
    run: parsePartly(runSchema.shape, valueAt(raw, ['run'])),
    strategy: chosenStrategy(raw as Record<string, unknown>),
    raw: (path) => valueAt(raw, path),
    given: (field) => valueAt(raw, [field]) !== undefined,
    baseDir,
    problem: (path, message, more) => {
      problems.push({ path: ['spec', ...path], at: 'value', code: 'E_SPEC_CONFLICT', message, ...more });
    },
  };
  for (const rule of [...runRules, ...healthRules, ...routeRules, ...strategyRules, ...kubernetesRules])
    rule(context);
  return problems;
}

/** Every field that is right in itself. */
function parsePartly<T extends z.ZodRawShape>(shape: T, raw: unknown): Partial<z.output<z.ZodObject<T>>> {
  const parsed: Record<string, unknown> = {};
  for (const [field, schema] of Object.entries(shape) as [string, z.ZodType][]) {
    const result = schema.safeParse(valueAt(raw, [field]));
    if (result.success && result.data !== undefined) parsed[field] = result.data;
  }
  return parsed as Partial<z.output<z.ZodObject<T>>>;
}

function chosenStrategy(raw: Record<string, unknown>): RuleContext['strategy'] {
  if (!Object.hasOwn(raw, 'strategy')) return 'rolling';
  const given = STRATEGIES.filter((name) => valueAt(raw, ['strategy', name]) !== undefined);
  return given.length === 1 ? given[0] : undefined;
}
