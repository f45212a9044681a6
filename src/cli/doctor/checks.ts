import type { Session } from '../session.ts';
import { daemonChecks } from './daemon.ts';
import { clockCheck, limitsCheck, nodeCheck, portsCheck } from './machine.ts';
import { stateDirChecks } from './state-dir.ts';

export interface Check {
  name: string;
  status: 'ok' | 'warning' | 'failed';
  /** What was found, in words. */
  found: string;
  /** What to do about it; absent when nothing is to be done. */
  todo?: string;
}

export async function runChecks(session: Session): Promise<Check[]> {
  return [
    nodeCheck(process.versions.node),
    ...stateDirChecks(session.stateDir),
    clockCheck(session.stateDir, Date.now()),
    portsCheck(),
    limitsCheck(),
    ...(await daemonChecks(session)),
  ];
}
