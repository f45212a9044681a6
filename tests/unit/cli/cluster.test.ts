import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import type { GiveBackPlan } from '../../../src/adoption/give-back.ts';
import type { AdoptionPlan } from '../../../src/adoption/plan.ts';
import type { AppRef, Client } from '../../../src/api/client.ts';
import type { ApplyRequest } from '../../../src/api/types.ts';
import type { Cluster, ClusterTarget } from '../../../src/cli/context.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { run } from './fake-context.ts';
import { settled } from './views.ts';

interface Asked {
  targets: ClusterTarget[];
  refs: AppRef[];
  applied: ApplyRequest[];
  objects: string[];
  closed: number;
}

/** A cluster whose current namespace is `team`, and what was asked of it. */
function cluster(client: Partial<Client> = {}): {
  asked: Asked;
  ctx: { openCluster(t: ClusterTarget): Promise<Cluster> };
} {
  const asked: Asked = { targets: [], refs: [], applied: [], objects: [], closed: 0 };
  const view = settled();
  const answering: Partial<Client> = {
    app: async (ref) => {
      asked.refs.push(ref);
      return view;
    },
    replicas: async () => [],
    apply: async (ref, request) => {
      asked.refs.push(ref);
      asked.applied.push(request);
      return { result: 'created', message: 'revision 1 is started', app: view };
    },
    ...client,
  };
  return {
    asked,
    ctx: {
      async openCluster(target) {
        asked.targets.push(target);
        return {
          namespace: 'team',
          client: answering as Client,
          applyObject: async ({ kind }) => {
            asked.objects.push(kind);
            return 'created';
          },
          check: async (namespace) => [
            { name: 'rights', status: 'failed', found: `none in ${namespace}`, todo: 'ask' },
          ],
          ...ownership(asked),
          close: async () => {
            asked.closed += 1;
          },
        };
      },
    },
  };
}

/** Plans of one step each; what is carried out is noted. */
function ownership({
  objects,
}: Asked): Pick<Cluster, 'planAdoption' | 'adopt' | 'planGiveBack' | 'giveBack'> {
  const common = { app: 'shop', deployment: 'shop', pods: ['a', 'b'], notes: ['No pod is restarted.'] };
  return {
    async planAdoption(wish) {
      objects.push(JSON.stringify(wish));
      const step = { kind: 'pause', object: 'deployment/shop', does: 'is paused' } as const;
      return { ...common, steps: [step] } as unknown as AdoptionPlan;
    },
    async adopt({ steps }, tell) {
      for (const step of steps) tell(step);
    },
    async planGiveBack({ name }) {
      const step = { kind: 'resume', object: `deployment/${name}`, does: 'is resumed' } as const;
      return { ...common, steps: [step] } as unknown as GiveBackPlan;
    },
    async giveBack({ steps }, tell) {
      for (const step of steps) tell(step);
    },
  };
}

const FILE =
  'apiVersion: crossfade.dev/v1\nkind: App\nmetadata: { name: shop }\nspec: { run: { command: [x] } }\n';

test('with --context commands go to the cluster, in the namespace of its context', async () => {
  const { asked, ctx } = cluster();
  const ran = await run(['--context', 'prod', 'status', 'shop'], { ctx });
  assert.equal(ran.code, 0, ran.stderr);
  assert.deepEqual(asked.targets, [{ context: 'prod' }]);
  assert.deepEqual(asked.refs[0], { namespace: 'team', name: 'shop' });
  assert.equal(asked.closed, 1);
});

test('-n means another namespace, and --kubeconfig another cluster', async () => {
  const { asked, ctx } = cluster();
  await run(['--kubeconfig', '/k', '-n', 'other', 'status', 'shop'], { ctx });
  assert.deepEqual(asked.targets, [{ kubeconfig: '/k' }]);
  assert.deepEqual(asked.refs[0], { namespace: 'other', name: 'shop' });
});

test('as a kubectl plugin every command is for a cluster, unless it names a server', async () => {
  const { asked, ctx } = cluster();
  const env = { HOME: '/nonexistent', CROSSFADE_TARGET: 'kubernetes' };
  await run(['status', 'shop'], { ctx: { ...ctx, env } });
  assert.deepEqual(asked.targets, [{}]);
  await run(['--server', 'http://127.0.0.1:9', '--token', 'x', 'status', 'shop'], { ctx: { ...ctx, env } });
  assert.equal(asked.targets.length, 1);
});

test('a file is applied in the namespace of the context, and no folder of this machine is named', async () => {
  const { asked, ctx } = cluster();
  const ran = await run(['--context', 'prod', 'apply', '-f', '-'], { ctx, stdin: FILE });
  assert.equal(ran.code, 0, ran.stderr);
  assert.deepEqual(asked.refs, [{ namespace: 'team', name: 'shop' }]);
  assert.equal(asked.applied[0]?.baseDir, undefined);
  assert.match(ran.stdout, /app\/shop created/);
});

test('a server and a cluster exclude each other', async () => {
  const { ctx } = cluster();
  const ran = await run(['--server', 'http://x', '--token', 't', '--context', 'prod', 'status', 'shop'], {
    ctx,
  });
  assert.equal(ran.code, 2);
  assert.match(ran.stderr, /exclude each other/);
});

test('doctor checks the cluster, and says what to do', async () => {
  const { ctx } = cluster();
  const ran = await run(['--context', 'prod', 'doctor'], { ctx });
  assert.equal(ran.code, 1);
  assert.match(ran.stdout, /rights: none in team/);
  assert.match(ran.stdout, /ask/);
});

test('install applies everything to the current cluster, and needs an image', async () => {
  const { asked, ctx } = cluster();
  const without = await run(['install'], { ctx });
  assert.equal(without.code, 2);
  assert.match(without.stderr, /--image is missing/);
  assert.deepEqual(asked.targets, []);
  const ran = await run(['install', '--image', 'x/y:1'], { ctx });
  assert.equal(ran.code, 0, ran.stderr);
  assert.deepEqual(asked.targets, [{}]);
  assert.ok(asked.objects.indexOf('CustomResourceDefinition') < asked.objects.indexOf('Deployment'));
  assert.match(ran.stdout, /deployment\/crossfade-controller created/);
});

test('install --render prints, and touches no cluster', async () => {
  const { asked, ctx } = cluster();
  const ran = await run(['install', '--render', '--image', 'x/y:1', '-n', 'xf'], { ctx });
  assert.equal(ran.code, 0, ran.stderr);
  assert.match(
    ran.stdout,
    /kind: Deployment\nmetadata:\n {2}name: crossfade-controller\n {2}namespace: xf\n/,
  );
  assert.deepEqual(asked.targets, []);
});

test('install --render helm writes a chart', async (t) => {
  const folder = await tempDir(t);
  const { ctx } = cluster();
  const line = ['install', '--render', 'helm', '--image', 'x/y:1', '--to', path.join(folder, 'chart')];
  const ran = await run(line, { ctx });
  assert.equal(ran.code, 0, ran.stderr);
  assert.deepEqual(readdirSync(path.join(folder, 'chart')).sort(), [
    'Chart.yaml',
    'crds',
    'templates',
    'values.yaml',
  ]);
  assert.match(readFileSync(path.join(folder, 'chart', 'values.yaml'), 'utf8'), /image: x\/y:1/);
});

test('adopt shows its steps, and with --dry-run or -o json the plan', async () => {
  const { asked, ctx } = cluster();
  const dry = await run(['adopt', 'deployment/shop', '--dry-run', '--httproute', 'web'], { ctx });
  assert.equal(dry.code, 0, dry.stderr);
  assert.deepEqual(JSON.parse(asked.objects[0] ?? ''), {
    namespace: 'team',
    deployment: 'shop',
    httpRoute: 'web',
  });
  assert.match(dry.stdout, /app\/shop would adopt deployment\/shop\n\n {2}1\. +deployment\/shop +is paused/);
  assert.match(dry.stdout, /Note: No pod is restarted\./);
  const byIngress = await run(['adopt', 'deployment/shop', '--dry-run', '--ingress', 'web'], { ctx });
  assert.equal(byIngress.code, 0, byIngress.stderr);
  assert.match(asked.objects.at(-1) ?? '', /"ingress":"web"/);
  const done = await run(['adopt', 'deploy/shop'], { ctx });
  assert.match(done.stdout, /deployment\/shop is paused\napp\/shop has adopted deployment\/shop: 2 pods/);
  const json = await run(['adopt', 'shop', '-o', 'json'], { ctx });
  assert.equal((JSON.parse(json.stdout) as AdoptionPlan).steps.length, 1);
  const back = await run(['release-ownership', 'shop'], { ctx });
  assert.match(back.stdout, /deployment\/shop is resumed\napp\/shop has given back deployment\/shop/);
});

test('what cannot be adopted is refused with exit code 2', async () => {
  const { ctx } = cluster();
  assert.equal((await run(['adopt', 'statefulset/db'], { ctx })).code, 2);
  assert.equal((await run(['adopt', 'shop', '--strategy', 'other'], { ctx })).code, 2);
});
