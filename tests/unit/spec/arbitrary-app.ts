import fc from 'fast-check';
import type {
  AppSpec,
  CanaryStep,
  EnvValue,
  Match,
  Probe,
  RunConfig,
  Strategy,
  StringMatch,
  UserKey,
} from '../../../src/spec/app.ts';
import type { KubernetesSpec } from '../../../src/spec/app-kubernetes.ts';

/** Complete Apps as parseAppFile makes them: every shape of every field, and what the rules ask of fields together. */

type Arb<T> = fc.Arbitrary<T>;

/** Optional fields are left out, not undefined. */
function record<T, K extends keyof T>(model: { [P in keyof T]: Arb<T[P]> }, optional: K[] = []): Arb<T> {
  const requiredKeys = (Object.keys(model) as (keyof T)[]).filter((key) => !optional.includes(key as K));
  return fc.record(model, { requiredKeys, noNullPrototype: true }) as unknown as Arb<T>;
}

const isWhole = (text: string) => text.isWellFormed() && !text.includes('\u0000') && !text.includes('\uFFFD');
const label = fc.stringMatching(/^[a-z]([a-z0-9-]{0,20}[a-z0-9])?$/);
const anyText = fc.string({ unit: 'grapheme', maxLength: 40 }).filter(isWhole);
const file = fc.stringMatching(/^\/srv\/[a-z]{1,8}\/[a-zA-Z0-9._-]{0,10}[a-z]$/);
const token = fc.stringMatching(/^[A-Za-z0-9_-]{1,20}$/);
const lowToken = fc.stringMatching(/^[a-z0-9_-]{1,20}$/);
const ascii = fc.stringMatching(/^[ -~]{0,30}$/);
const whole = (min: number, max: number) => fc.integer({ min, max });
const names = (key: Arb<string>) => fc.dictionary(key, anyText, { maxKeys: 3, noNullPrototype: true });
const address = fc.oneof(
  whole(1, 30_000).map((port) => ({ host: '127.0.0.1', port })),
  whole(1, 30_000).map((port) => ({ host: '0.0.0.0', port })),
  whole(1, 30_000).map((port) => ({ host: '::1', port })),
);

const command = fc
  .tuple(fc.stringMatching(/^[a-z]{1,10}$/), fc.array(anyText, { maxLength: 3 }))
  .map(([program, args]) => [program, ...args.filter((argument) => !argument.includes('{port}'))]);

const probePort = whole(1, 65_535);

function probe(isLive: boolean): Arb<Probe> {
  const headers = fc.dictionary(lowToken, ascii, { maxKeys: 2, noNullPrototype: true });
  const host = fc.constantFrom('127.0.0.1', 'shop.internal');
  const path = fc.stringMatching(/^\/[a-z0-9/?=._-]{0,20}$/);
  const action = fc.oneof(
    record<Extract<Probe['action'], { kind: 'httpGet' }>, 'port' | 'host'>(
      { kind: fc.constant('httpGet'), path, port: probePort, headers, host },
      ['port', 'host'],
    ),
    record<Extract<Probe['action'], { kind: 'tcpSocket' }>, 'port'>(
      { kind: fc.constant('tcpSocket'), port: probePort },
      ['port'],
    ),
    command.map((args): Probe['action'] => ({ kind: 'exec', command: args })),
  );
  return record<Probe, never>({
    action,
    initialDelaySeconds: whole(0, 60),
    periodSeconds: whole(1, 3_600),
    timeoutSeconds: whole(1, 3_600),
    successThreshold: isLive ? fc.constant(1) : whole(1, 1_000),
    failureThreshold: whole(1, 1_000),
  });
}

const env: Arb<EnvValue> = fc.oneof(
  anyText,
  file.map((fromFile) => ({ fromFile })),
  label.map((secret) => ({ secret })),
);

const configFile: Arb<RunConfig['configFiles'][string]> = fc.oneof(
  anyText.map((content) => ({ content })),
  file.map((fromFile) => ({ fromFile })),
);

const run: Arb<RunConfig> = record<RunConfig, 'user' | 'workingDir'>(
  {
    command,
    env: fc.dictionary(fc.stringMatching(/^[A-BD-OQ-Z_][A-Z0-9_]{0,10}$/), env, {
      maxKeys: 4,
      noNullPrototype: true,
    }),
    envFiles: fc.array(file, { maxLength: 2 }),
    configFiles: fc.dictionary(fc.stringMatching(/^[a-z]{1,5}\.conf$/), configFile, {
      maxKeys: 3,
      noNullPrototype: true,
    }),
    user: fc.oneof(fc.constant('nobody'), whole(0, 4_000_000).map(String)),
    workingDir: fc.constantFrom('app', 'app/server'),
  },
  ['user', 'workingDir'],
);

const stringMatch: Arb<StringMatch> = fc.oneof(
  ascii.map((value): StringMatch => ({ kind: 'exact', value })),
  ascii.map((value): StringMatch => ({ kind: 'prefix', value })),
  fc.constant<StringMatch>({ kind: 'present' }),
);

/** `__proto__` is no name; names of one list differ and are in order. */
const named = (key: Arb<string>) =>
  fc
    .uniqueArray(record<Match['headers'][number], never>({ name: key, value: stringMatch }), {
      maxLength: 2,
      selector: (one) => one.name,
    })
    .map((all) => all.toSorted((a, b) => (a.name < b.name ? -1 : 1)));

const match: Arb<Match> = record<Match, never>({ headers: named(lowToken), cookies: named(token) }).filter(
  ({ headers, cookies }) =>
    headers.length + cookies.length > 0 && ![...headers, ...cookies].some(({ name }) => name === '__proto__'),
);
const matches = fc.array(match, { minLength: 1, maxLength: 2 });

const userKey: Arb<UserKey> = fc.oneof(
  lowToken.map((name): UserKey => ({ kind: 'header', name })),
  record<Extract<UserKey, { kind: 'cookie' }>, never>({
    kind: fc.constant('cookie'),
    name: token,
    issue: fc.boolean(),
    maxAgeSeconds: whole(1, 34_560_000),
  }),
);

const warmMs = whole(0, 2_592_000).map((seconds) => seconds * 1_000);
const weightBp = whole(0, 10_000);
const pauseMs = fc.oneof(
  whole(1, 10_000),
  whole(1, 31_536_000).map((seconds) => seconds * 1_000),
);
const shortText = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).filter(isWhole);

const canaryStep: Arb<CanaryStep> = fc.oneof(
  weightBp.map((bp): CanaryStep => ({ kind: 'setWeight', weightBp: bp })),
  fc
    .oneof(
      whole(0, 1_000).map((replicas) => ({ kind: 'count', replicas }) as const),
      whole(0, 100).map((of) => ({ kind: 'percent', of }) as const),
      fc.constant({ kind: 'matchWeight' } as const),
    )
    .map((scale): CanaryStep => ({ kind: 'setCanaryScale', scale })),
  pauseMs.map((durationMs): CanaryStep => ({ kind: 'pause', durationMs })),
  fc.constant<CanaryStep>({ kind: 'pause' }),
  fc.constant<CanaryStep>({ kind: 'approval' }),
  shortText.map((message): CanaryStep => ({ kind: 'approval', message })),
  matches.map((all): CanaryStep => ({ kind: 'setHeaderRoute', name: 'beta', match: all })),
  fc.constant<CanaryStep>({ kind: 'verify' }),
  whole(1, 1_000_000).map((minRequests): CanaryStep => ({ kind: 'verify', minRequests })),
);

/** A mirror comes first, or not at all. */
const canarySteps: Arb<CanaryStep[]> = fc
  .tuple(fc.option(weightBp, { nil: undefined }), fc.array(canaryStep, { minLength: 1, maxLength: 6 }))
  .map(([shareBp, steps]) => [
    ...(shareBp === undefined ? [] : [{ kind: 'setMirror' as const, shareBp }]),
    ...steps,
  ]);

const countOrPercent = fc.oneof(
  whole(1, 1_000),
  whole(1, 100).map((percent) => `${percent}%`),
);

const workerStrategy: Arb<Strategy> = fc.oneof(
  fc.constant<Strategy>({ kind: 'recreate' }),
  record<Extract<Strategy, { kind: 'rolling' }>, never>({
    kind: fc.constant('rolling'),
    maxSurge: countOrPercent,
    maxUnavailable: countOrPercent,
  }),
);

const hold = record<{ maxRequests: number; maxMs: number }, never>({
  maxRequests: whole(1, 100_000),
  maxMs: whole(100, 600_000),
});

const blueGreen = fc
  .tuple(fc.boolean(), fc.option(whole(1, 31_536_000)), fc.option(whole(1, 1_000)), warmMs)
  .map(
    ([autoPromotion, seconds, previewReplicas, warm]): Strategy => ({
      kind: 'blueGreen',
      autoPromotion,
      ...(autoPromotion && seconds !== null && { autoPromotionMs: seconds * 1_000 }),
      ...(previewReplicas !== null && { previewReplicas }),
      warmMs: warm,
    }),
  );

type AbTest = Extract<Strategy, { kind: 'abTest' }>;

const routedStrategy: Arb<Strategy> = fc.oneof(
  workerStrategy,
  hold.map((held): Strategy => ({ kind: 'recreate', hold: held })),
  blueGreen,
  record<Extract<Strategy, { kind: 'canary' }>, 'sticky'>(
    {
      kind: fc.constant('canary'),
      steps: canarySteps,
      sticky: userKey,
      warmMs,
    },
    ['sticky'],
  ),
  record<AbTest, 'split' | 'candidateReplicas'>(
    {
      kind: fc.constant('abTest'),
      matches,
      split: record<NonNullable<AbTest['split']>, 'salt'>({ weightBp, by: userKey, salt: shortText }, [
        'salt',
      ]),
      candidateReplicas: whole(1, 1_000),
      warmMs,
    },
    ['split', 'candidateReplicas'],
  ),
);

type Spec = AppSpec['spec'];

const common = {
  replicas: whole(0, 1_000),
  source: file,
  build: record<NonNullable<Spec['build']>, never>({ command, timeoutMs: whole(1_000, 86_400_000) }),
  run,
  verify: record<Spec['verify'], 'minRequests'>(
    { minRequests: whole(1, 1_000_000), onNoTraffic: fc.constantFrom('probe', 'hold') },
    ['minRequests'],
  ),
  onNewRevision: fc.constantFrom('supersede', 'queue', 'reject') as Arb<Spec['onNewRevision']>,
  progressDeadlineSeconds: whole(7_200, 86_400),
  terminationGracePeriodSeconds: whole(0, 86_400),
  drainTimeoutMs: whole(0, 86_400_000),
  drainLongTimeoutMs: whole(0, 86_400_000),
  revisionHistoryLimit: whole(0, 1_000),
};

const routed: Arb<Spec> = record<Spec, 'build'>(
  {
    ...common,
    port: probePort,
    health: record<Spec['health'], 'live'>(
      { ready: probe(false), live: probe(true), minReadySeconds: whole(0, 3_600) } as never,
      ['live'],
    ),
    route: record<NonNullable<Spec['route']>, 'host' | 'previewListen' | 'trustedProxies'>(
      {
        listen: address,
        host: fc.constantFrom('shop.localhost', 'a.example.com'),
        previewListen: address.map(({ host, port }) => ({ host, port: port + 30_000 })),
        revisionHeader: fc.boolean(),
        upstreamTimeoutMs: whole(1, 86_400_000),
        trustedProxies: fc.array(fc.constantFrom('10.0.0.0/8', '::1', 'fd00::/8', '192.168.1.1'), {
          minLength: 1,
          maxLength: 3,
        }),
      },
      ['host', 'previewListen', 'trustedProxies'],
    ),
    strategy: routedStrategy,
  } as never,
  ['build'],
);

const workers: Arb<Spec> = record<Spec, 'build'>(
  {
    ...common,
    health: whole(0, 3_600).map((minReadySeconds) => ({ minReadySeconds })),
    strategy: workerStrategy,
  } as never,
  ['build'],
);

const gateway = fc.oneof(
  fc.constant({ router: 'service' } as const),
  label.map((service) => ({ router: 'service', service }) as const),
  label.map((name) => ({ router: 'gatewayApi', parentRefs: [{ name }] }) as const),
  label.map((name) => ({ router: 'gatewayApi', httpRoute: { name, rule: 0 } }) as const),
  label.map((name) => ({ router: 'ingressNginx', ingress: name, service: name }) as const),
);

const pod: Arb<Partial<KubernetesSpec>> = record<Partial<KubernetesSpec>, keyof KubernetesSpec>(
  {
    serviceAccountName: label,
    imagePullPolicy: fc.constantFrom('Always', 'IfNotPresent', 'Never'),
    resources: fc.constant({ requests: { cpu: '250m', memory: 1000 } }),
    securityContext: fc.constant({ readOnlyRootFilesystem: true }),
    podDisruptionBudget: fc.oneof(
      whole(0, 1_000).map((minAvailable) => ({ minAvailable })),
      fc.constant({ maxUnavailable: '50%' }),
    ),
    podTemplate: fc.constant({ metadata: { labels: { team: 'web' } }, spec: { containers: [null, 1] } }),
  },
  [
    'serviceAccountName',
    'imagePullPolicy',
    'resources',
    'securityContext',
    'podDisruptionBudget',
    'podTemplate',
  ],
);

const clustered: Arb<KubernetesSpec> = fc.tuple(gateway, pod, label).map(
  ([routing, shape, name]) =>
    ({
      imagePullSecrets: [{ name }],
      env: [{ name: 'P_1', valueFrom: { secretKeyRef: { name, key: 'k' } } }],
      envFrom: [{ prefix: 'P_', configMapRef: { name, optional: true } }],
      volumes: [{ name, emptyDir: {} }],
      volumeMounts: [{ name, mountPath: '/data' }],
      topologySpreadConstraints: [{ maxSkew: 1 }],
      ...routing,
      ...shape,
    }) as KubernetesSpec,
);

/** An image instead of a source. */
const imaged: Arb<Spec> = fc
  .tuple(routed, clustered, fc.boolean(), fc.boolean())
  .map(([{ source: _, build: __, ...spec }, kubernetes, isBare, isOnKubernetes]) => ({
    ...spec,
    image: 'registry.example.com/shop:1.0',
    run: { ...spec.run, workingDir: '/srv', ...(isBare ? { command: [] } : {}) },
    ...(isOnKubernetes && { kubernetes }),
  }));

export const arbitraryApp: Arb<AppSpec> = record<AppSpec, never>({
  apiVersion: fc.constant('crossfade.dev/v1'),
  kind: fc.constant('App'),
  metadata: record<AppSpec['metadata'], never>({
    name: label,
    namespace: label,
    labels: fc.dictionary(label, label, { maxKeys: 2, noNullPrototype: true }),
    annotations: names(label),
  }),
  spec: fc.oneof(routed, workers, imaged).map(measurable),
});

/** A split of users is measured by marked requests only. */
function measurable(spec: Spec): Spec {
  const { strategy, verify } = spec;
  const ofUsers =
    (strategy.kind === 'canary' && strategy.sticky !== undefined) ||
    (strategy.kind === 'abTest' && strategy.split !== undefined);
  return ofUsers ? { ...spec, verify: { ...verify, onNoTraffic: 'probe' } } : spec;
}
