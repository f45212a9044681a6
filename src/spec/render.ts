import { stringify } from 'yaml';
import { formatListen } from './address.ts';
import type { AppSpec, Health, Probe, RouteSpec, RunConfig } from './app.ts';
import { formatDuration } from './duration.ts';
import { renderStrategy } from './render-strategy.ts';

/**
 * The App as a document of the file format: short forms expanded, every default written out, paths absolute.
 * Parsing it gives the same App. Secrets are references in it, as in the file.
 */
export function renderApp(app: AppSpec): unknown {
  return {
    apiVersion: app.apiVersion,
    kind: app.kind,
    metadata: { ...app.metadata },
    spec: renderSpec(app.spec),
  };
}

/** The same as YAML text. Several Apps: join with `---` lines. */
export function renderAppYaml(app: AppSpec): string {
  return stringify(renderApp(app), {
    version: '1.2',
    schema: 'core',
    lineWidth: 110,
    aliasDuplicateObjects: false,
  });
}

function renderSpec(spec: AppSpec['spec']): Record<string, unknown> {
  const { source, image, build, port, route, kubernetes } = spec;
  return {
    replicas: spec.replicas,
    ...(source !== undefined && { source }),
    ...(image !== undefined && { image }),
    ...(build && { build: { command: build.command, timeout: formatDuration(build.timeoutMs) } }),
    run: renderRun(spec.run),
    ...(port !== undefined && { port }),
    health: renderHealth(spec.health),
    ...(route && { route: renderRoute(route) }),
    strategy: renderStrategy(spec.strategy),
    verify: { ...spec.verify },
    onNewRevision: spec.onNewRevision,
    progressDeadlineSeconds: spec.progressDeadlineSeconds,
    terminationGracePeriodSeconds: spec.terminationGracePeriodSeconds,
    drain: {
      timeout: formatDuration(spec.drainTimeoutMs),
      longConnections: formatDuration(spec.drainLongTimeoutMs),
    },
    revisionHistoryLimit: spec.revisionHistoryLimit,
    ...(kubernetes && { kubernetes }),
  };
}

function renderRun(run: RunConfig): Record<string, unknown> {
  const { command, env, envFiles, configFiles, user, workingDir } = run;
  return {
    ...(command.length > 0 && { command }),
    env,
    envFiles,
    configFiles,
    ...(user !== undefined && { user }),
    ...(workingDir !== undefined && { workingDir }),
  };
}

function renderHealth(health: Health): Record<string, unknown> {
  return {
    ...(health.ready && { ready: renderProbe(health.ready) }),
    ...(health.live && { live: renderProbe(health.live) }),
    minReadySeconds: health.minReadySeconds,
  };
}

function renderProbe({ action, ...timing }: Probe): Record<string, unknown> {
  return { ...renderAction(action), ...timing };
}

function renderAction(action: Probe['action']): Record<string, unknown> {
  switch (action.kind) {
    case 'httpGet': {
      const { kind, headers, ...rest } = action;
      const httpHeaders = Object.entries(headers).map(([name, value]) => ({ name, value }));
      return { [kind]: { ...rest, httpHeaders } };
    }
    case 'tcpSocket': {
      const { kind, ...rest } = action;
      return { [kind]: rest };
    }
    case 'exec':
      return { exec: { command: action.command } };
  }
}

function renderRoute(route: RouteSpec): Record<string, unknown> {
  const { listen, host, previewListen, revisionHeader, upstreamTimeoutMs, trustedProxies } = route;
  return {
    listen: formatListen(listen),
    ...(host !== undefined && { host }),
    ...(previewListen && { previewListen: formatListen(previewListen) }),
    revisionHeader,
    upstreamTimeout: formatDuration(upstreamTimeoutMs),
    ...(trustedProxies && { trustedProxies }),
  };
}
