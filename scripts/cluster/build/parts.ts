/**
 * The programs of a cluster and how each is built. Versions are in the go.mod of each part's folder, checksums of
 * everything that goes into it in its go.sum.
 */

export interface Part {
  /** Its folder below `scripts/cluster/go`. */
  name: string;
  /** What `go build` is given: the folder itself, or the `tool` lines of its go.mod. */
  packages: '.' | 'tool';
  /** Names under which the one program is also called. */
  links: readonly string[];
  /** Minutes on two cores with nothing cached, to tell whoever waits. */
  aboutMinutes: number;
  /** A file of a module that one of ours takes the place of: what it would bring is needed by nobody here. */
  instead?: { module: string; file: string; ours: string };
  /** What it is for, when not every cluster has it. */
  onlyFor?: 'router' | 'fakeNodes' | 'envoy';
}

const KUBERNETES_PROGRAMS = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kubelet',
  'kube-proxy',
  'kubectl',
];

export const PARTS: readonly Part[] = [
  { name: 'kubernetes', packages: '.', links: KUBERNETES_PROGRAMS, aboutMinutes: 5 },
  { name: 'containerd', packages: 'tool', links: [], aboutMinutes: 1 },
  { name: 'cni', packages: 'tool', links: [], aboutMinutes: 1 },
  { name: 'pause', packages: '.', links: [], aboutMinutes: 1 },
  {
    name: 'traefik',
    packages: 'tool',
    links: [],
    aboutMinutes: 2,
    instead: {
      module: 'github.com/go-acme/lego/v5',
      file: 'providers/dns/zz_gen_dns_providers.go',
      ours: 'overlay/no_dns_providers.go',
    },
    onlyFor: 'router',
  },
  { name: 'kwok', packages: 'tool', links: [], aboutMinutes: 1, onlyFor: 'fakeNodes' },
  { name: 'contour', packages: 'tool', links: [], aboutMinutes: 2, onlyFor: 'envoy' },
];

/** Custom resources that a module has as files. */
export interface CrdSet {
  name: string;
  /** The part whose go.mod says which version of the module. */
  of: string;
  module: string;
  /** A pattern below the folder of the module. */
  files: string;
  onlyFor?: Part['onlyFor'];
}

export const CRD_SETS: readonly CrdSet[] = [
  // Every cluster has those that Traefik is built with: they are newer than what Contour knows.
  {
    name: 'gateway-api',
    of: 'traefik',
    module: 'sigs.k8s.io/gateway-api',
    files: 'config/crd/standard/*.yaml',
  },
  {
    name: 'contour-crds',
    of: 'contour',
    module: 'github.com/projectcontour/contour',
    files: 'examples/contour/01-crds.yaml',
    onlyFor: 'envoy',
  },
];

/** Debian packages whose programs containerd, kube-proxy and the world itself call. */
export const SYSTEM_PACKAGES = ['iproute2', 'nftables', 'openssl', 'runc', 'tini'];

/** Version flags of the Kubernetes programs; without them the kubelet reports v0.0.0 and kubectl complains. */
export function linkerFlags(part: Part, goMod: string): string {
  if (part.name !== 'kubernetes') return '-s -w';
  const [, version = '', major = '', minor = ''] = /k8s\.io\/kubernetes (v(\d+)\.(\d+)\S*)/.exec(goMod) ?? [];
  if (version === '') throw new Error('the go.mod of kubernetes requires no k8s.io/kubernetes');
  const values = { gitVersion: version, gitMajor: major, gitMinor: minor };
  const set = Object.entries(values).map(
    ([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`,
  );
  return ['-s -w', ...set].join(' ');
}
