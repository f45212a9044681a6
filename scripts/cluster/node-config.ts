/** Configuration files of what runs on a node. Pure. */
import type { ClusterNode } from './layout.ts';
import { PAUSE_IMAGE } from './layout.ts';

const KUBELET_PORT = 10250;
const KUBELET_HEALTH_PORT = 10248;

export interface KubeletOptions {
  clientAuthority: string;
  certificate: string;
  key: string;
  cgroupRoot: string;
  /** As many as the machine allows; the kubelet fails when it cannot have what it asks for. */
  maxOpenFiles: number;
}

export function kubeletConfig(node: ClusterNode, options: KubeletOptions): object {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address: node.address,
    port: KUBELET_PORT,
    healthzPort: KUBELET_HEALTH_PORT + 10 * (node.index - 1),
    authentication: { anonymous: { enabled: false }, x509: { clientCAFile: options.clientAuthority } },
    tlsCertFile: options.certificate,
    tlsPrivateKeyFile: options.key,
    containerRuntimeEndpoint: `unix://${node.containerd}`,
    cgroupDriver: 'cgroupfs',
    cgroupRoot: options.cgroupRoot,
    failCgroupV1: false,
    enforceNodeAllocatable: [],
    failSwapOn: false,
    maxOpenFiles: options.maxOpenFiles,
    // Only the program that a pod runs may decide how names are resolved: nothing here answers DNS.
    resolvConf: '',
    podLogsDir: `/var/log/pods-${node.index}`,
    // The default is below /usr, on the machine itself.
    volumePluginDir: `${node.data}/volume-plugins`,
    // The disk and the memory are shared with the machine: what others use must evict no pod.
    evictionHard: {
      'memory.available': '1Mi',
      'nodefs.available': '0%',
      'nodefs.inodesFree': '0%',
      'imagefs.available': '0%',
      'imagefs.inodesFree': '0%',
    },
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
  };
}

export interface ContainerdOptions {
  cniPrograms: string;
  cniConfig: string;
  runc: string;
}

export function containerdConfig(node: ClusterNode, options: ContainerdOptions): string {
  const cri = (name: string) => `plugins.'io.containerd.cri.v1.${name}'`;
  return `version = 3
root = '${node.data}/containerd'
state = '/run/crossfade/containerd-${node.index}'

[grpc]
  address = '${node.containerd}'

[${cri('images')}.pinned_images]
  sandbox = '${PAUSE_IMAGE}'

[${cri('runtime')}]
  # A machine without CAP_SYS_RESOURCE refuses to lower the score of a process.
  restrict_oom_score_adj = true

[${cri('runtime')}.cni]
  bin_dirs = ['${options.cniPrograms}']
  conf_dir = '${options.cniConfig}'

[${cri('runtime')}.containerd.runtimes.runc]
  runtime_type = 'io.containerd.runc.v2'

[${cri('runtime')}.containerd.runtimes.runc.options]
  BinaryName = '${options.runc}'
  SystemdCgroup = false
`;
}

/** One link to each pod, routed by the node: no bridge, so what goes back from pod to pod is translated too. */
export function podNetwork(node: ClusterNode): object {
  const ipam = {
    type: 'host-local',
    ranges: [[{ subnet: node.podCidr }]],
    routes: [{ dst: '0.0.0.0/0' }],
    dataDir: `${node.data}/addresses`,
  };
  const plugins = [{ type: 'ptp', ipMasq: false, ipam }];
  return { cniVersion: '1.0.0', name: `pods-${node.index}`, plugins };
}
