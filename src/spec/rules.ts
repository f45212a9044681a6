import { type Problem, type SpecErrorCode, valueAt } from './problem.ts';
import { healthRules } from './rules-health.ts';
import { routeRules } from './rules-route.ts';
import { runRules } from './rules-run.ts';
import { strategyRules } from './rules-strategy.ts';
import { type SpecDocument, spec as specSchema } from './schema.ts';
import { STRATEGIES } from './schema-strategy.ts';

/** What a rule may look at. Fields that are wrong in themselves are absent: rules about them wait until they are right. */
export interface RuleContext {
  spec: Partial<SpecDocument>;
  /** The strategy that was chosen, also when something in it is wrong. */
  strategy: (typeof STRATEGIES)[number] | undefined;
  /** Whether the field was written at all, right or wrong. */
  given(field: keyof SpecDocument): boolean;
  baseDir: string | undefined;
  /** @param path below `spec` */
  problem(path: PropertyKey[], message: string, suggestion?: string, code?: SpecErrorCode): void;
}

/** Rules that concern several fields at once. Run also when the schema found mistakes, so that all are told together. */
export function checkRules(document: unknown, baseDir: string | undefined): Problem[] {
  const raw = valueAt(document, ['spec']);
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) return [];
  const problems: Problem[] = [];
  const context: RuleContext = {
    spec: parsePartly(raw as Record<string, unknown>),
    strategy: chosenStrategy(raw as Record<string, unknown>),
    given: (field) => Object.hasOwn(raw, field),
    baseDir,
    problem: (path, message, suggestion, code = 'E_SPEC_CONFLICT') => {
      const full = ['spec', ...path];
      problems.push({
        path: full,
        at: 'value',
        code,
        message,
        ...(suggestion !== undefined && { suggestion }),
      });
    },
  };
  for (const rule of [...runRules, ...healthRules, ...routeRules, ...strategyRules]) rule(context);
  return problems;
}

/** Every field of spec that is right in itself. */
function parsePartly(raw: Record<string, unknown>): Partial<SpecDocument> {
  const parsed: Record<string, unknown> = {};
  for (const [field, schema] of Object.entries(specSchema.shape)) {
    const result = schema.safeParse(raw[field]);
    if (result.success && result.data !== undefined) parsed[field] = result.data;
  }
  return parsed;
}

function chosenStrategy(raw: Record<string, unknown>): RuleContext['strategy'] {
  if (!Object.hasOwn(raw, 'strategy')) return 'rolling';
  const given = STRATEGIES.filter((name) => valueAt(raw, ['strategy', name]) !== undefined);
  return given.length === 1 ? given[0] : undefined;
}
