import { parseListen } from './address.ts';
import type { AppSpec, EnvValue, Health, Probe, RouteSpec, RunConfig } from './app.ts';
import type { KubernetesSpec } from './app-kubernetes.ts';
import { defined, ms, must } from './expand-parts.ts';
import { expandStrategy } from './expand-strategy.ts';
import { absoluteFolder, insideFolder, resolvePath } from './paths.ts';
import type { AppDocument, SpecDocument } from './schema.ts';
import { DEFAULT_READY, type ProbeDocument } from './schema-health.ts';

/** Port of a Service that is made for an App. */
const CLUSTER_LISTEN = '0.0.0.0:80';

/**
 * A document that the schema and the rules accepted -> the complete App. Cannot fail on such a document: what throws
 * here is a rule that is missing.
 * @param baseDir absolute folder that relative paths mean; absent: the document has none
 */
export function expandApp(document: AppDocument, baseDir: string | undefined): AppSpec {
  const { name, namespace, labels, annotations } = document.metadata;
  return {
    apiVersion: document.apiVersion,
    kind: document.kind,
    metadata: { name, namespace, labels, annotations },
    spec: expandSpec(document.spec, (path) => must(resolvePath(path, baseDir), path)),
  };
}

type Resolve = (path: string) => string;

function expandSpec(spec: SpecDocument, resolve: Resolve): AppSpec['spec'] {
  return {
    replicas: spec.replicas,
    ...(spec.source !== undefined && { source: resolve(spec.source) }),
    ...(spec.image !== undefined && { image: spec.image }),
    ...(spec.build && { build: { command: spec.build.command, timeoutMs: ms(spec.build.timeout) } }),
    run: expandRun(spec.run, resolve),
    ...(spec.port !== undefined && { port: spec.port }),
    health: expandHealth(spec),
    ...(spec.route && { route: expandRoute(spec.route) }),
    strategy: expandStrategy(spec.strategy),
    verify: defined(spec.verify),
    onNewRevision: spec.onNewRevision,
    progressDeadlineSeconds: spec.progressDeadlineSeconds,
    terminationGracePeriodSeconds: spec.terminationGracePeriodSeconds,
    drainTimeoutMs: ms(spec.drain.timeout),
    drainLongTimeoutMs: ms(spec.drain.longConnections),
    revisionHistoryLimit: spec.revisionHistoryLimit,
    ...(spec.kubernetes && { kubernetes: expandKubernetes(spec.kubernetes) }),
  };
}

function expandRun(run: SpecDocument['run'], resolve: Resolve): RunConfig {
  const env = Object.entries(run.env).map(([name, value]): [string, EnvValue] => {
    if (typeof value === 'string') return [name, value];
    if (value.secret !== undefined) return [name, { secret: value.secret }];
    return [name, { fromFile: resolve(must(value.fromFile, name)) }];
  });
  const configFiles = Object.entries(run.configFiles).map(
    ([path, file]): [string, RunConfig['configFiles'][string]] => [
      must(insideFolder(path), path),
      file.content === undefined
        ? { fromFile: resolve(must(file.fromFile, path)) }
        : { content: file.content },
    ],
  );
  return {
    command: run.command ?? [],
    env: Object.fromEntries(env),
    envFiles: run.envFiles.map(resolve),
    configFiles: Object.fromEntries(configFiles),
    ...(run.user !== undefined && { user: String(run.user) }),
    ...(run.workingDir !== undefined && { workingDir: folderOf(run.workingDir) }),
  };
}

function folderOf(workingDir: string): string {
  return must(insideFolder(workingDir) ?? absoluteFolder(workingDir), workingDir);
}

/** Nothing in it is short or relative. */
function expandKubernetes(kubernetes: NonNullable<SpecDocument['kubernetes']>): KubernetesSpec {
  return JSON.parse(JSON.stringify(kubernetes));
}

function expandHealth(spec: SpecDocument): Health {
  const { ready, live, minReadySeconds } = spec.health;
  const asked = ready ?? (spec.port === undefined ? undefined : DEFAULT_READY);
  return {
    ...(asked && { ready: expandProbe(asked) }),
    ...(live && { live: expandProbe(live) }),
    minReadySeconds,
  };
}

function expandProbe(probe: ProbeDocument): Probe {
  return {
    action: expandAction(probe),
    initialDelaySeconds: probe.initialDelaySeconds,
    periodSeconds: probe.periodSeconds,
    timeoutSeconds: probe.timeoutSeconds,
    successThreshold: probe.successThreshold,
    failureThreshold: probe.failureThreshold,
  };
}

function expandAction(probe: ProbeDocument): Probe['action'] {
  if (probe.http !== undefined) return { kind: 'httpGet', path: probe.http, headers: {} };
  if (probe.tcp) return { kind: 'tcpSocket' };
  if (probe.exec)
    return { kind: 'exec', command: Array.isArray(probe.exec) ? probe.exec : probe.exec.command };
  if (probe.tcpSocket) return { kind: 'tcpSocket', ...defined(probe.tcpSocket) };
  const { httpHeaders, path, port, host } = must(probe.httpGet, 'httpGet');
  const headers = Object.fromEntries(httpHeaders.map((header) => [header.name, header.value]));
  return { kind: 'httpGet', path, headers, ...defined({ port, host }) };
}

function expandRoute(route: NonNullable<SpecDocument['route']>): RouteSpec {
  return {
    listen: must(parseListen(route.listen ?? CLUSTER_LISTEN), 'listen'),
    ...(route.host !== undefined && { host: route.host }),
    ...(route.previewListen !== undefined && {
      previewListen: must(parseListen(route.previewListen), 'previewListen'),
    }),
    revisionHeader: route.revisionHeader,
    ...(route.trustedProxies?.length && { trustedProxies: route.trustedProxies }),
    upstreamTimeoutMs: ms(route.upstreamTimeout),
  };
}
