/** Addresses, ports and folders of a cluster. Every cluster has the same: each has a network and mounts of its own. */
import path from 'node:path';

export const API_PORT = 6443;
export const ETCD_PORT = 2379;
/** Traefik's entry point, on the address of every node: requests to routes and ingresses. */
export const ROUTER_PORT = 8000;
/** Traefik's own: `/metrics`, `/ping`, `/api`. */
export const ROUTER_ADMIN_PORT = 8080;
/** Envoy's, on the address of every node: requests to routes of the Gateway that mirrors. */
export const MIRRORING_PORT = 8001;
/** Where it listens: Contour adds 8000 to the port of a Gateway's listener, and that cannot be changed. */
export const ENVOY_PORT = MIRRORING_PORT + 8000;
/** Of the first node's loopback only: Envoy's counters, Contour's, and what Contour tells Envoy. */
export const ENVOY_STATS_PORT = 8002;
export const CONTOUR_METRICS_PORT = 8003;
export const XDS_PORT = 8004;
export const SERVICE_CIDR = '10.96.0.0/16';
/** The first address of the range: the API server as pods see it. */
export const API_SERVICE_IP = '10.96.0.1';
export const POD_CIDR = '10.244.0.0/16';
/** A range for documentation (RFC 5737): nothing real can have it, should it ever be seen outside. */
export const NETWORK_BITS = 24;
export const GATEWAY_CLASS = 'traefik';
export const MIRRORING_CLASS = 'contour';
export const INGRESS_CLASS = 'nginx';
export const PAUSE_IMAGE = 'localhost/pause:1';
/** Hidden below empty folders in memory inside of a cluster: what it writes there is gone with it, however it ends. */
export const HIDDEN_FOLDERS = ['/run', '/var/lib', '/var/log'];

export interface ClusterNode {
  index: number;
  name: string;
  address: string;
  podCidr: string;
  /** Exists inside of the cluster only. */
  data: string;
  containerd: string;
}

export function clusterNode(index: number): ClusterNode {
  return {
    index,
    name: `node-${index}`,
    address: `192.0.2.${9 + index}`,
    podCidr: `10.244.${index}.0/24`,
    data: `/var/lib/crossfade/node-${index}`,
    containerd: `/run/crossfade/containerd-${index}.sock`,
  };
}

/** Each has an address from the begin; the others are made when somebody asks for them. */
export const MAX_NODES = 4;

export const FIRST_NODE = clusterNode(1);

/** Files of a cluster that are seen from outside too; all of them are in its state directory. */
export function stateFiles(stateDir: string) {
  return {
    record: path.join(stateDir, 'cluster.json'),
    control: path.join(stateDir, 'control.sock'),
    kubeconfig: path.join(stateDir, 'kubeconfig'),
    keys: path.join(stateDir, 'keys'),
    config: path.join(stateDir, 'config'),
    logs: path.join(stateDir, 'logs'),
  };
}
