import type { Condition, KubeObject, Resource } from './types.ts';

/** What carries requests, as far as it is looked at. */

export interface ServicePort {
  name?: string;
  port: number;
  targetPort?: number | string;
  protocol?: string;
}

export interface Service extends KubeObject {
  spec: { type?: string; clusterIP?: string; selector?: Record<string, string>; ports?: ServicePort[] };
}

export interface EndpointSlice extends KubeObject {
  endpoints?: {
    addresses: string[];
    conditions?: { ready?: boolean; serving?: boolean; terminating?: boolean };
    targetRef?: { kind?: string; name?: string };
  }[];
}

export interface HeaderMatch {
  type?: 'Exact' | 'RegularExpression';
  name: string;
  value: string;
}

export interface BackendRef {
  group?: string;
  kind?: string;
  name: string;
  namespace?: string;
  port?: number;
  weight?: number;
  filters?: object[];
}

/** Whether a backend is this Service, and not another kind or one of another namespace of that name. */
export function leadsTo(
  ref: BackendRef,
  service: { namespace: string | undefined; name: string | undefined },
): boolean {
  return (
    ref.name === service.name &&
    (ref.kind ?? 'Service') === 'Service' &&
    (ref.namespace ?? service.namespace) === service.namespace
  );
}

export interface RouteMatch {
  path?: { type?: string; value?: string };
  headers?: HeaderMatch[];
  method?: string;
  queryParams?: object[];
}

export interface MirrorFilter {
  type: 'RequestMirror';
  /** Neither percent nor fraction: all requests. */
  requestMirror: {
    backendRef: BackendRef;
    percent?: number;
    fraction?: { numerator: number; denominator?: number };
  };
}

/** Filters of other types, and what is in them, are their owners'. */
export type RouteFilter = MirrorFilter | { type: string; requestMirror?: never };

export interface RouteRule {
  name?: string;
  matches?: RouteMatch[];
  filters?: RouteFilter[];
  backendRefs?: BackendRef[];
  timeouts?: { request?: string; backendRequest?: string };
}

export interface ParentReference {
  group?: string;
  kind?: string;
  name: string;
  namespace?: string;
  sectionName?: string;
  port?: number;
}

export interface HttpRoute extends KubeObject {
  spec: { parentRefs?: ParentReference[]; hostnames?: string[]; rules?: RouteRule[] };
  status?: { parents?: { parentRef: ParentReference; controllerName?: string; conditions?: Condition[] }[] };
}

export interface Gateway extends KubeObject {
  spec: {
    gatewayClassName?: string;
    listeners?: { name: string; port: number; protocol: string; hostname?: string }[];
  };
  status?: { addresses?: { type?: string; value: string }[]; conditions?: Condition[] };
}

export interface GatewayClass extends KubeObject {
  spec?: { controllerName?: string };
  status?: { conditions?: Condition[]; supportedFeatures?: { name: string }[] };
}

export const SERVICES: Resource<Service> = {
  apiVersion: 'v1',
  kind: 'Service',
  plural: 'services',
  namespaced: true,
};
export const ENDPOINT_SLICES: Resource<EndpointSlice> = {
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  plural: 'endpointslices',
  namespaced: true,
};
export const HTTP_ROUTES: Resource<HttpRoute> = {
  apiVersion: 'gateway.networking.k8s.io/v1',
  kind: 'HTTPRoute',
  plural: 'httproutes',
  namespaced: true,
};
export const GATEWAYS: Resource<Gateway> = {
  apiVersion: 'gateway.networking.k8s.io/v1',
  kind: 'Gateway',
  plural: 'gateways',
  namespaced: true,
};

export const GATEWAY_CLASSES: Resource<GatewayClass> = {
  apiVersion: 'gateway.networking.k8s.io/v1',
  kind: 'GatewayClass',
  plural: 'gatewayclasses',
  namespaced: false,
};

export interface IngressBackend {
  service?: { name: string; port?: { number?: number; name?: string } };
}

export interface IngressRule {
  host?: string;
  http?: { paths: { path?: string; pathType: string; backend: IngressBackend }[] };
}

export interface Ingress extends KubeObject {
  spec: { ingressClassName?: string; defaultBackend?: IngressBackend; rules?: IngressRule[] };
  status?: { loadBalancer?: { ingress?: { ip?: string; hostname?: string }[] } };
}

export const INGRESSES: Resource<Ingress> = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'Ingress',
  plural: 'ingresses',
  namespaced: true,
};
