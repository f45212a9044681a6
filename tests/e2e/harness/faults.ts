/** What can be made to happen to a daemon of these tests, and to no other: its clock is set, and it dies at a point. */
import { appendFileSync, readFileSync } from 'node:fs';
import { canonicalJson } from '../../../src/core/revision.ts';
import type { Clock } from '../../../src/ports/clock.ts';
import type { Store } from '../../../src/ports/store.ts';

/** Methods of the ports that change something, by what the core calls them. */
export const POINTS = {
  store: { commit: 'commit', putApp: 'putApp', addCommand: 'addCommand', removeApp: 'removeApp' },
  engine: { grow: 'grow', stop: 'stop', forget: 'forget' },
  router: { apply: 'route', drain: 'drain', remove: 'unroute', probe: 'probe' },
} as const;

/** `grow before`: the daemon has decided and not begun. `grow after`: it is done and nobody knows. */
export type Point = `${string} ${'before' | 'after'}`;

/** Read anew whenever it matters, from a file that the test writes. */
export interface Faults {
  /** Added to the wall clock of the daemon. */
  wallOffsetMs: number;
  /** Absent: the machine's own. Read once, when the daemon starts. */
  bootId?: string;
  /** kill -9 at the nth time that this point is passed since it was armed. */
  dieAt?: { point: Point; nth: number };
  /** Another number begins to count anew. */
  armed: number;
}

function readFaults(file: string): Faults {
  return JSON.parse(readFileSync(file, 'utf8')) as Faults;
}

/** The machine's clock, as this daemon is to see it. */
export function faultyClock(clock: Clock, faultsFile: string): Clock {
  const { bootId } = readFaults(faultsFile);
  return {
    wall: () => clock.wall() + readFaults(faultsFile).wallOffsetMs,
    monotonic: () => clock.monotonic(),
    bootId: () => bootId ?? clock.bootId(),
  };
}

/** Notes every point that is passed, and dies at the one that is armed. */
export function createFuse(faultsFile: string, logFile: string): (point: Point) => void {
  let armed: number | undefined;
  const passed = new Map<Point, number>();
  return (point) => {
    const faults = readFaults(faultsFile);
    if (faults.armed !== armed) passed.clear();
    armed = faults.armed;
    const nth = (passed.get(point) ?? 0) + 1;
    passed.set(point, nth);
    appendFileSync(logFile, `${armed} ${point}\n`);
    if (faults.dieAt?.point === point && faults.dieAt.nth === nth) process.kill(process.pid, 'SIGKILL');
  };
}

/** The same adapter, with a point before and after each of these methods. */
export function withPoints<Adapter extends object>(
  adapter: Adapter,
  points: Readonly<Record<string, string>>,
  pass: (point: Point) => void,
): Adapter {
  return new Proxy(adapter, {
    get(target, key) {
      const method: unknown = Reflect.get(target, key);
      if (typeof method !== 'function') return method;
      const point = typeof key === 'string' && Object.hasOwn(points, key) ? points[key] : undefined;
      if (point === undefined) return method.bind(target);
      return async (...args: unknown[]) => {
        pass(`${point} before`);
        const result: unknown = await method.apply(target, args);
        pass(`${point} after`);
        return result;
      };
    },
  });
}

/** The same store, which notes every state before it is committed, and its version once it is. */
export function withCommitLog(store: Store, logFile: string): Store {
  return new Proxy(store, {
    get(target, key) {
      const method: unknown = Reflect.get(target, key);
      if (typeof method !== 'function') return method;
      if (key !== 'commit') return method.bind(target);
      return async (...[app, version, what]: Parameters<Store['commit']>) => {
        const next: unknown = JSON.parse(JSON.stringify(what.next));
        appendFileSync(logFile, `begin ${app} ${what.next.version} ${canonicalJson(next)}\n`);
        await target.commit(app, version, what);
        appendFileSync(logFile, `done ${app} ${what.next.version}\n`);
      };
    },
  });
}
