import type { AppKey, Ms, ReplicaId } from '../../core/model.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Layout } from './layout.ts';
import type { Limits, Logger } from './options.ts';
import type { Ports } from './ports.ts';
import type { Trees } from './tree.ts';

/** What the parts of one engine share. */
export interface EngineContext {
  layout: Layout;
  limits: Limits;
  clock: Clock;
  /** What the core compares with its own time: never the wall clock, which jumps. */
  now: () => Ms;
  bootId: string;
  logger: Logger;
  ports: Ports;
  trees: Trees;
  /** The mark that all processes of a replica carry in their environment. */
  ownerOf(of: { app: AppKey; replica: ReplicaId }): string;
  /** list() of the App would now answer something else. */
  changed(app: AppKey): void;
}
