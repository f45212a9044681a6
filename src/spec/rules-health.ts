import type { RuleContext } from './rules.ts';

type Rule = (context: RuleContext) => void;

const PROBES = ['ready', 'live'] as const;
const NETWORK_ACTIONS = ['httpGet', 'http', 'tcpSocket', 'tcp'] as const;

const probesNeedPort: Rule = ({ spec, given, problem }) => {
  if (given('port')) return;
  for (const name of PROBES) {
    const probe = spec.health?.[name];
    const action = NETWORK_ACTIONS.find((kind) => probe?.[kind] !== undefined);
    if (!probe || !action || (probe.httpGet?.port ?? probe.tcpSocket?.port) !== undefined) continue;
    problem(['health', name, action], 'needs a port to ask, but spec.port is missing', {
      suggestion: 'add spec.port, or use exec for a worker',
    });
  }
};

const deadlineLeavesTime: Rule = ({ spec, problem }) => {
  const deadline = spec.progressDeadlineSeconds;
  if (deadline === undefined || !spec.health) return;
  const { minReadySeconds, ready } = spec.health;
  const needed = minReadySeconds + (ready?.initialDelaySeconds ?? 0);
  if (deadline > needed) return;
  const parts =
    ready && ready.initialDelaySeconds > 0
      ? 'minReadySeconds and ready.initialDelaySeconds together'
      : 'minReadySeconds';
  problem(
    ['progressDeadlineSeconds'],
    `must be more than ${parts} (${needed}), or no release could ever succeed: found ${deadline}`,
  );
};

export const healthRules: readonly Rule[] = [probesNeedPort, deadlineLeavesTime];
