/** What the world does by itself. */
import type { Ms } from '../../../src/core/model.ts';
import type { SimReplica } from './machine.ts';
import type { WorldHappening } from './profiles.ts';
import type { World } from './world.ts';

const HOUR_MS = 3_600_000;

/** @param pick whom it hits @param ms how long, or how much */
export async function happen(world: World, what: WorldHappening, pick: number, ms: Ms): Promise<void> {
  const { machine, router, clock } = world;
  const replicas = [...machine.replicas.values()].filter((replica) => replica.view.phase !== 'stopping');
  const replica = replicas[pick % Math.max(1, replicas.length)];
  const worker = router.workers[pick % router.workers.length];
  const daemon = world.daemons[pick % Math.max(1, world.daemons.length)];
  const change = changeOfReplica(world, what, ms);
  if (change) {
    if (replica) change(replica);
    return;
  }
  switch (what) {
    case 'daemonCrash':
      if (daemon) world.daemonDied(daemon, what);
      return;
    case 'leaderMove': {
      world.startDaemon((pick % 401) - 200);
      // The old one goes on for a while as if it led.
      if (daemon) clock.after(ms, () => world.daemonDied(daemon, 'no longer leads'));
      return;
    }
    case 'reboot':
      return world.reboot();
    case 'clockJump':
      return world.jumpWall((pick % 2 === 0 ? 1 : -1) * (pick % 3 === 0 ? HOUR_MS : ms));
    case 'cacheLag':
      return daemon?.lag(ms);
    case 'diskFull':
      world.diskFullUntil = clock.now + ms;
      return;
    case 'restoredStore': {
      const stored = world.saved[pick % Math.max(1, world.saved.length)];
      if (stored) await world.restore(stored);
      return;
    }
    case 'routerDown':
      router.downUntil = clock.now + ms;
      return;
    case 'routerRestart':
      if (worker) world.cutRequests(worker);
      router.newEpoch();
      if (worker) router.restart(worker, 'last');
      return;
    case 'oldTable':
      if (worker) router.restart(worker, 'old');
      return;
    case 'routerUpgrade': {
      const added = router.addWorker();
      const old = router.workers.find((other) => other !== added);
      if (old) clock.after(ms, () => router.removeWorker(old));
      return;
    }
    case 'secondWriter':
      router.setBack();
  }
}

function changeOfReplica(
  { machine }: World,
  what: WorldHappening,
  ms: Ms,
): ((replica: SimReplica) => void) | undefined {
  switch (what) {
    case 'replicaCrash':
      return (replica) => machine.crash(replica);
    case 'replicaHang':
      return (replica) => machine.hang(replica, ms);
    case 'replicaFlap':
      return (replica) => machine.flap(replica, ms);
    default:
      return undefined;
  }
}
