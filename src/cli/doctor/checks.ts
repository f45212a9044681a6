import type { Check } from '../context.ts';
import type { Session } from '../session.ts';
import { daemonChecks } from './daemon.ts';
import { clockCheck, limitsCheck, nodeCheck, portsCheck } from './machine.ts';
import { stateDirChecks } from './state-dir.ts';

export async function runChecks(session: Session): Promise<Check[]> {
  if (session.inCluster) return (await session.cluster()).check(session.namespace);
  return [
    nodeCheck(process.versions.node),
    ...stateDirChecks(session.stateDir),
    clockCheck(session.stateDir, Date.now()),
    portsCheck(),
    limitsCheck(),
    ...(await daemonChecks(session)),
  ];
}
