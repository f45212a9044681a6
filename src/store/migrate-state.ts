import { OperatingError } from '../core/errors.ts';
import type { AppState } from '../core/model.ts';

/** The shape of AppState that this version writes. */
export const STATE_SCHEMA = 1;

type Document = Record<string, unknown>;
/** Takes a whole state document of one schema to the next one; unknown fields are carried along. */
export type StateStep = (document: Document) => Document;

/**
 * Steps by the schema they start from. Schema 1 is the first one, so there is none yet. When the shape changes: add the
 * step here, and keep tests/unit/store/fixtures/state-v<old>.json.
 */
const STEPS: Readonly<Record<number, StateStep>> = {};

/**
 * Brings a stored state to the present schema, as one document: a half-migrated state cannot exist.
 * @throws OperatingError E_STORE_NEWER: written by a later version; E_STORE_CORRUPT: not a state at all
 */
export function migrateState(
  stored: unknown,
  steps: Readonly<Record<number, StateStep>> = STEPS,
  target: number = STATE_SCHEMA,
): AppState {
  let document = asDocument(stored);
  let schema = schemaOf(document);
  if (schema > target) throw newer(schema, target);
  while (schema < target) {
    const step = steps[schema];
    if (!step) throw new Error(`no step from state schema ${schema} towards ${target}`);
    document = step(document);
    const reached = schemaOf(document);
    if (reached !== schema + 1) throw new Error(`the step from state schema ${schema} led to ${reached}`);
    schema = reached;
  }
  return document as unknown as AppState;
}

function asDocument(stored: unknown): Document {
  if (typeof stored === 'object' && stored !== null && !Array.isArray(stored)) return stored as Document;
  throw new OperatingError('E_STORE_CORRUPT', 'A stored state is not a JSON object.', {
    hint: 'Restore the state folder from a backup; it has not been changed.',
  });
}

function schemaOf(document: Document): number {
  const { schema } = document;
  if (typeof schema === 'number' && Number.isInteger(schema) && schema >= 1) return schema;
  throw new OperatingError('E_STORE_CORRUPT', 'A stored state does not say which schema it has.', {
    hint: 'Restore the state folder from a backup; it has not been changed.',
  });
}

function newer(found: number, known: number): OperatingError {
  return new OperatingError(
    'E_STORE_NEWER',
    `A stored state has schema ${found}; this version of crossfade knows schemas up to ${known}.`,
    {
      hint: 'A later version wrote it. Start that version again: going back to an older one is not supported.',
      details: { found, known },
    },
  );
}
