/**
 * The process that keeps one cluster: brings it up, carries out orders, and removes everything when it is told to, when
 * the world ends, or when the process that it is leashed to does. Killed, it takes the world with it.
 */
import { rm } from 'node:fs/promises';
import type { Extras } from './build/build.ts';
import { cgroupName, removeCgroup } from './cgroups.ts';
import { type Order, serveOrders } from './control.ts';
import { stateFiles } from './layout.ts';
import { writeRecord } from './record.ts';
import { Site } from './site.ts';

export interface KeeperOptions {
  stateDir: string;
  extras: Extras;
  /** Ends when its standard input does. */
  leashed: boolean;
}

const { stateDir, extras, leashed } = JSON.parse(process.argv[2] ?? '') as KeeperOptions;
const cgroup = cgroupName(process.pid);
let site: Site | undefined;
let ending: Promise<void> | undefined;

/** The logs stay when it never came up: whoever asked for the cluster reads them. */
function endAll({ keepFiles = false } = {}): Promise<void> {
  ending ??= (async () => {
    await site?.world.end();
    await removeCgroup(cgroup);
    if (!keepFiles) await rm(stateDir, { recursive: true, force: true, maxRetries: 5 });
  })();
  return ending;
}

async function endWith(code: number, options: { keepFiles?: boolean } = {}): Promise<void> {
  await endAll(options);
  process.exit(code);
}

async function carryOut(given: Order, { supervisor, nodes, addNode }: Site): Promise<unknown> {
  switch (given.do) {
    case 'list':
      return supervisor.list();
    case 'start':
      return await supervisor.start(given.name);
    case 'stop':
      return await supervisor.stop(given.name, given.signal);
    case 'signal':
      return supervisor.signal(given.name, given.signal);
    case 'nodes':
      return nodes;
    case 'addNode':
      return await addNode();
    case 'down':
      return await endAll();
  }
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => void endWith(0));
if (leashed) process.stdin.resume().once('close', () => void endWith(0));

try {
  site = await Site.make({ stateDir, cgroup, extras });
  const { world, env } = site;
  void world.ended.then(() => {
    if (ending === undefined) void endWith(1);
  });
  await site.bringUp();
  const made = site;
  await serveOrders(
    stateFiles(stateDir).control,
    (given) => carryOut(given, made),
    (given) => {
      if (given.do === 'down') process.exit(0);
    },
  );
  await writeRecord(stateDir, { keeperPid: process.pid, worldPid: world.pid, cgroup, env });
} catch (error) {
  console.error(error);
  await endWith(1, { keepFiles: true });
}
