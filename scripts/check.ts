/** `npm run check`: everything that is quick. Types, lint, format, dead code, dependency rule, unit tests, a short simulation. */
import { findGroups } from './testing/files.ts';
import { runSession } from './testing/session.ts';

await runSession({
  checks: true,
  groups: findGroups({ patterns: [], groups: ['unit', 'simulation'], full: false }),
  full: false,
  verbose: false,
});
