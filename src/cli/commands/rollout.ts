import type { Command } from 'commander';
import type { CliContext } from '../context.ts';
import { registerHistory } from './rollout-history.ts';
import { registerRolloutStatus } from './rollout-status.ts';
import { registerVerbs } from './rollout-verbs.ts';

export function registerRollout(program: Command, ctx: CliContext): void {
  const rollout = program
    .command('rollout')
    .summary('watch and steer a release: status, history, undo, pause, promote, abort ...')
    .description(
      'Watches and steers releases. status, history, undo, pause, resume and restart mean what they mean to kubectl; promote, abort and retry what they mean to Argo Rollouts.',
    );
  registerRolloutStatus(rollout, ctx);
  registerHistory(rollout, ctx);
  registerVerbs(rollout, ctx);
}
