import type { Structural } from './structural.ts';

export const API_GROUP = 'crossfade.dev';
export const API_VERSION = 'v1';

/** An object as Kubernetes takes it. */
export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    namespace?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
  };
  [field: string]: unknown;
}

interface Crd {
  kind: string;
  plural: string;
  singular: string;
  shortNames: string[];
  schema: Structural;
  subresources: Record<string, object>;
  columns: object[];
}

/** A namespaced CustomResourceDefinition with one version. */
export function crd({ kind, plural, singular, shortNames, schema, subresources, columns }: Crd): Manifest {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${API_GROUP}` },
    spec: {
      group: API_GROUP,
      scope: 'Namespaced',
      names: { kind, listKind: `${kind}List`, plural, singular, shortNames, categories: ['crossfade'] },
      versions: [
        {
          name: API_VERSION,
          served: true,
          storage: true,
          schema: { openAPIV3Schema: schema },
          subresources,
          additionalPrinterColumns: columns,
        },
      ],
    },
  };
}
