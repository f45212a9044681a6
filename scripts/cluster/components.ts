/** The programs that a cluster runs, as command lines. Pure. */
import path from 'node:path';
import type { KeyMaker } from './keys.ts';
import {
  API_PORT,
  type ClusterNode,
  CONTOUR_METRICS_PORT,
  ENVOY_STATS_PORT,
  ETCD_PORT,
  FIRST_NODE,
  MIRRORING_CLASS,
  POD_CIDR,
  ROUTER_ADMIN_PORT,
  ROUTER_PORT,
  SERVICE_CIDR,
  XDS_PORT,
} from './layout.ts';

export interface Component {
  /** What a user of the cluster calls it; its log is `logs/<name>.log`. */
  name: string;
  program: string;
  args: readonly string[];
  env?: Record<string, string>;
}

export interface Wiring {
  keys: KeyMaker;
  /** Folder of the configuration files. */
  config: string;
  /** A kubeconfig by the name of who has it. */
  kubeconfig: (user: string) => string;
}

export const ADMIN = 'admin';
/** In the folder of the configuration files. */
export const CONTOUR_FILE = 'contour.json';
export const ENVOY_FILE = 'envoy.json';

function etcd(): Component {
  const client = `http://127.0.0.1:${ETCD_PORT}`;
  const urls = [`--listen-client-urls=${client}`, `--advertise-client-urls=${client}`];
  const data = ['--data-dir=/var/lib/crossfade/etcd', '--unsafe-no-fsync'];
  return {
    name: 'etcd',
    program: 'etcd',
    args: [...data, ...urls, '--listen-peer-urls=http://127.0.0.1:2380'],
  };
}

function apiServer({ keys }: Wiring): Component {
  const pair = (name: string) => keys.pair(name);
  const server = pair('apiserver');
  const kubelets = pair('apiserver-kubelet-client');
  const flags = {
    'advertise-address': FIRST_NODE.address,
    'secure-port': String(API_PORT),
    'etcd-servers': `http://127.0.0.1:${ETCD_PORT}`,
    'service-cluster-ip-range': SERVICE_CIDR,
    'authorization-mode': 'Node,RBAC',
    'enable-admission-plugins': 'NodeRestriction',
    'allow-privileged': 'true',
    'client-ca-file': keys.authority.certificate,
    'tls-cert-file': server.certificate,
    'tls-private-key-file': server.key,
    'kubelet-certificate-authority': keys.authority.certificate,
    'kubelet-client-certificate': kubelets.certificate,
    'kubelet-client-key': kubelets.key,
    // Otherwise logs and exec look the node's name up in DNS.
    'kubelet-preferred-address-types': 'InternalIP',
    'service-account-issuer': 'https://kubernetes.default.svc',
    'service-account-key-file': keys.serviceAccounts.publicKey,
    'service-account-signing-key-file': keys.serviceAccounts.privateKey,
  };
  return { name: 'apiserver', program: 'kube-apiserver', args: toArgs(flags) };
}

/** Its own limits, 20 requests a second and five Deployments at a time, would take hours for thousands of pods. */
const MANY = {
  'kube-api-qps': '500',
  'kube-api-burst': '1000',
  'concurrent-deployment-syncs': '50',
  'concurrent-replicaset-syncs': '50',
};

/** @param many whether it has thousands of pods to make on fake nodes */
function controllerManager({ keys, kubeconfig }: Wiring, many: boolean): Component {
  const flags = {
    kubeconfig: kubeconfig('controller-manager'),
    'root-ca-file': keys.authority.certificate,
    'service-account-private-key-file': keys.serviceAccounts.privateKey,
    'use-service-account-credentials': 'true',
    // What it knows of nodes is up to 30 s old after the API server was away, and it takes the readiness of all pods of a node
    // that it has not heard of for 50 s; of a fake node nobody gives that back.
    'node-monitor-grace-period': many ? '1h' : '2m',
    ...(many ? MANY : {}),
    'leader-elect': 'false',
    'bind-address': '127.0.0.1',
  };
  return { name: 'controller-manager', program: 'kube-controller-manager', args: toArgs(flags) };
}

function scheduler({ kubeconfig }: Wiring): Component {
  const flags = {
    kubeconfig: kubeconfig('scheduler'),
    'leader-elect': 'false',
    'bind-address': '127.0.0.1',
  };
  return { name: 'scheduler', program: 'kube-scheduler', args: toArgs(flags) };
}

/** One for all nodes: they share the network whose rules it writes. */
function proxy({ kubeconfig }: Wiring): Component {
  const flags = {
    kubeconfig: kubeconfig('proxy'),
    'hostname-override': FIRST_NODE.name,
    'proxy-mode': 'nftables',
    'cluster-cidr': POD_CIDR,
    // Settings of the machine's kernel, not of this network.
    'conntrack-max-per-core': '0',
    'conntrack-tcp-timeout-established': '0s',
    'conntrack-tcp-timeout-close-wait': '0s',
  };
  return { name: 'proxy', program: 'kube-proxy', args: toArgs(flags) };
}

function router({ kubeconfig }: Wiring): Component {
  const flags = {
    'entrypoints.web.address': `:${ROUTER_PORT}`,
    'entrypoints.traefik.address': `:${ROUTER_ADMIN_PORT}`,
    'providers.kubernetesgateway': 'true',
    'providers.kubernetesgateway.statusaddress.ip': FIRST_NODE.address,
    'providers.kubernetesingressnginx': 'true',
    'providers.kubernetesingressnginx.publishstatusaddress': FIRST_NODE.address,
    'metrics.prometheus': 'true',
    'metrics.prometheus.addrouterslabels': 'true',
    'metrics.prometheus.addserviceslabels': 'true',
    'api.insecure': 'true',
    // Its pages are not part of the module.
    'api.dashboard': 'false',
    ping: 'true',
    'global.checknewversion': 'false',
    'global.sendanonymoususage': 'false',
  };
  return { name: 'traefik', program: 'traefik', args: toArgs(flags), env: { KUBECONFIG: kubeconfig(ADMIN) } };
}

function contour({ config, kubeconfig }: Wiring): Component {
  const flags = {
    kubeconfig: kubeconfig(ADMIN),
    'config-path': path.join(config, CONTOUR_FILE),
    'ingress-class-name': MIRRORING_CLASS,
    'xds-address': '127.0.0.1',
    'xds-port': String(XDS_PORT),
    'http-address': '127.0.0.1',
    'http-port': String(CONTOUR_METRICS_PORT),
    'health-address': '127.0.0.1',
    'health-port': String(CONTOUR_METRICS_PORT),
    'stats-address': '127.0.0.1',
    'stats-port': String(ENVOY_STATS_PORT),
  };
  // It ends over kinds that are not served in the versions that it knows.
  const unknown = ['tlsroutes', 'tcproutes', 'backendtlspolicies'].map((kind) => `--disable-feature=${kind}`);
  const alone = ['--insecure', '--disable-leader-election'];
  return { name: 'contour', program: 'contour', args: ['serve', ...toArgs(flags), ...unknown, ...alone] };
}

function envoy({ config }: Wiring): Component {
  const self = ['--service-cluster', 'crossfade-test', '--service-node', 'envoy'];
  // Envoys of several clusters would share the memory by which one is replaced by the next.
  const options = ['--concurrency', '2', '--disable-hot-restart'];
  const args = ['--config-path', path.join(config, ENVOY_FILE), ...self, ...options];
  return { name: 'envoy', program: 'envoy', args };
}

/** Plays the pods of nodes that somebody made with the label `type: kwok`; leaves the others alone. */
function fakeNodes({ kubeconfig }: Wiring): Component {
  const flags = {
    kubeconfig: kubeconfig(ADMIN),
    'manage-all-nodes': 'false',
    'manage-nodes-with-label-selector': 'type=kwok',
    'node-ip': '192.0.2.250',
  };
  return { name: 'kwok', program: 'kwok', args: toArgs(flags) };
}

function containerd(node: ClusterNode, { config }: Wiring): Component {
  const file = path.join(config, `containerd-${node.index}.toml`);
  return { name: onNode('containerd', node), program: 'containerd', args: ['--config', file] };
}

function kubelet(node: ClusterNode, { config, kubeconfig }: Wiring): Component {
  const flags = {
    config: path.join(config, `kubelet-${node.index}.json`),
    kubeconfig: kubeconfig(`kubelet-${node.index}`),
    'hostname-override': node.name,
    'node-ip': node.address,
    'root-dir': `${node.data}/kubelet`,
    'cert-dir': `${node.data}/kubelet/pki`,
  };
  return { name: onNode('kubelet', node), program: 'kubelet', args: toArgs(flags) };
}

/** The first node's are called `kubelet` and `containerd`, those of the second `kubelet-2` and `containerd-2`. */
function onNode(name: string, node: ClusterNode): string {
  return node.index === 1 ? name : `${name}-${node.index}`;
}

function toArgs(flags: Record<string, string>): string[] {
  return Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
}

/** What the control plane is made of, in the order in which it is started. */
export const components = {
  etcd,
  apiServer,
  controllerManager,
  scheduler,
  proxy,
  router,
  fakeNodes,
  contour,
  envoy,
  containerd,
  kubelet,
};
