/**
 * `npm run test:kubernetes [-- PATTERN...] [--full] [--verbose]`: of `npm test` the files that need a Kubernetes cluster
 * (scripts/testing/kubernetes.ts says on which one).
 */
import { parseArgs } from 'node:util';
import { findGroups } from './testing/files.ts';
import { runSession } from './testing/session.ts';

const { values, positionals: patterns } = parseArgs({
  allowPositionals: true,
  options: { full: { type: 'boolean', default: false }, verbose: { type: 'boolean', default: false } },
});

await runSession({
  checks: false,
  groups: findGroups({ patterns, groups: ['kubernetes'], full: values.full }),
  full: values.full,
  verbose: values.verbose,
});
