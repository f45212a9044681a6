/**
 * `npm test [-- PATTERN...] [--full] [--verbose]`: the checks of the repository, then every test file. With patterns
 * only the files whose path contains one of them, without the checks.
 */
import { parseArgs } from 'node:util';
import { findGroups } from './testing/files.ts';
import { runSession } from './testing/session.ts';

const { values, positionals: patterns } = parseArgs({
  allowPositionals: true,
  options: { full: { type: 'boolean', default: false }, verbose: { type: 'boolean', default: false } },
});

await runSession({
  checks: patterns.length === 0,
  groups: findGroups({ patterns, groups: [], full: values.full }),
  full: values.full,
  verbose: values.verbose,
});
