import { z } from 'zod';
import { expecting } from './expectation.ts';
import { port } from './schema-atoms.ts';
import { exactlyOne, list, mapping, named, oneWordOf, text, whole, yesNo } from './schema-base.ts';
import { suggestMapping, suggestText } from './suggest.ts';

/** The part of the format that exists on Kubernetes alone. What Kubernetes itself checks is passed on unread. */

const DNS_LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const DNS_NAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;
const QUANTITY = /^[+-]?(\d+|\d+\.\d*|\.\d+)([eE][+-]?\d+|[numkMGTPE]|[KMGTPE]i)?$/;
const ENV_NAME = /^[-._a-zA-Z][-._a-zA-Z0-9]*$/;

const CONTENT_KEY = /^[-._a-zA-Z0-9]{1,253}$/;

const objectName = () => text('the name of an object, such as shop', DNS_NAME);

/** A mapping that Kubernetes defines. */
const open = (expected: string) =>
  z.record(z.string(), z.unknown().describe('As Kubernetes defines it.'), {
    error: expecting(expected, suggestMapping),
  });

const quantity = () => {
  const error = expecting('an amount such as 250m, 0.5 or 128Mi');
  return z
    .union([z.number({ error }).min(0, { error }), z.string({ error }).regex(QUANTITY, { error })], { error })
    .describe('Name of the resource -> amount.');
};

const amounts = (what: string) =>
  named(z.string(), quantity(), `${what} by resource, such as { cpu: 250m, memory: 128Mi }`);

const reference = (what: string) =>
  mapping({
    name: objectName().describe(`Name of the ${what}.`),
    optional: yesNo().optional().describe(`Whether the ${what} may be missing.`),
  });

const keyReference = (what: string) =>
  mapping({
    name: objectName().describe(`Name of the ${what}.`),
    key: text('the name of an entry', CONTENT_KEY).describe('Its entry that is the value.'),
    optional: yesNo().optional().describe(`Whether the ${what} or the entry may be missing.`),
  });

const variable = mapping(
  {
    name: text('the name of a variable', ENV_NAME).describe('Name of the variable.'),
    valueFrom: exactlyOne(
      mapping({
        configMapKeyRef: keyReference('ConfigMap').optional().describe('An entry of a ConfigMap.'),
        secretKeyRef: keyReference('Secret').optional().describe('An entry of a Secret.'),
        fieldRef: open('a mapping such as { fieldPath: status.podIP }')
          .optional()
          .describe('A field of the pod itself.'),
        resourceFieldRef: open('a mapping such as { resource: limits.memory }')
          .optional()
          .describe('A resource of the container.'),
      }),
      ['configMapKeyRef', 'secretKeyRef', 'fieldRef', 'resourceFieldRef'],
    ).describe('Where the value comes from. A value that is text belongs into spec.run.env.'),
  },
  'a mapping such as { name: KEY, valueFrom: { secretKeyRef: { name: shop-db, key: password } } }',
);

const envFrom = exactlyOne(
  mapping({
    prefix: text('text').optional().describe('Put before each name.'),
    configMapRef: reference('ConfigMap').optional().describe('Every entry of a ConfigMap is a variable.'),
    secretRef: reference('Secret').optional().describe('Every entry of a Secret is a variable.'),
  }),
  ['configMapRef', 'secretRef'],
);

/** Kinds of volumes, as a pod has them. */
const VOLUME_KINDS = [
  'configMap',
  'secret',
  'emptyDir',
  'persistentVolumeClaim',
  'projected',
  'downwardAPI',
  'ephemeral',
  'csi',
  'nfs',
  'hostPath',
  'image',
] as const;

const volumeKinds = Object.fromEntries(
  VOLUME_KINDS.map((kind) => [
    kind,
    open(`a ${kind}, as in a volume of a pod`).optional().describe(`A volume of this kind, as in a pod.`),
  ]),
) as Record<(typeof VOLUME_KINDS)[number], z.ZodOptional<ReturnType<typeof open>>>;

const volume = exactlyOne(
  mapping(
    { name: text('the name of a volume', DNS_LABEL).describe('Name of the volume.'), ...volumeKinds },
    'a mapping such as { name: data, emptyDir: {} }',
  ),
  VOLUME_KINDS,
);

const volumeMount = mapping(
  {
    name: text('the name of a volume', DNS_LABEL).describe('Name of the volume.'),
    mountPath: text('an absolute path', /^\//).describe('Where it appears.'),
    subPath: text('text').optional().describe('Only this path inside the volume.'),
    subPathExpr: text('text').optional().describe('The same, with variables of the container in it.'),
    readOnly: yesNo().optional().describe('Nothing can be written to it.'),
    recursiveReadOnly: text('text').optional().describe('The same for what is mounted below it.'),
    mountPropagation: text('text').optional().describe('How mounts are passed on.'),
  },
  'a mapping such as { name: data, mountPath: /data }',
);

const countOrPercent = () => {
  const error = expecting('a whole number, or a percentage such as "50%"', suggestText);
  return z.union([whole(0, 1_000), z.string({ error }).regex(/^(\d|[1-9]\d|100)%$/, { error })], { error });
};

const parentRef = mapping(
  {
    name: objectName().describe('Name of the Gateway.'),
    namespace: text('the name of a namespace', DNS_LABEL)
      .optional()
      .describe('Namespace of the Gateway. Absent: that of the App.'),
    sectionName: text('the name of a listener', DNS_NAME)
      .optional()
      .describe('Only this listener of the Gateway.'),
    port: port().optional().describe('Only listeners on this port.'),
  },
  'a mapping such as { name: public, namespace: gateways }',
);

const httpRoute = mapping(
  {
    name: objectName().describe('Name of the HTTPRoute, in the namespace of the App.'),
    rule: z
      .union([whole(0, 15), text('the name or the position of a rule', DNS_NAME)], {
        error: expecting('the name of a rule, or its position from 0'),
      })
      .default(0)
      .describe(
        'The rule whose backends are written, by its name or its position from 0. Once written it is known by what it leads to, wherever it is then.',
      ),
  },
  'a mapping such as { name: shop, rule: 0 }',
);

const podTemplate = mapping(
  {
    metadata: mapping({
      labels: named(z.string(), text('text').describe('Name -> text.'), 'a mapping of names to text')
        .optional()
        .describe('Labels of the pods, beside those of Crossfade.'),
      annotations: named(z.string(), text('text').describe('Name -> text.'), 'a mapping of names to text')
        .optional()
        .describe('Annotations of the pods.'),
    })
      .optional()
      .describe('Labels and annotations of the pods.'),
    spec: open('the spec of a pod, as far as it is to differ')
      .optional()
      .describe(
        'Lists of named things (containers, volumes, env) are merged by name; the container of the App is called app, or as spec.kubernetes.container says. null removes a field.',
      ),
  },
  'a mapping with metadata and spec, as in a Deployment',
);

export const kubernetes = mapping(
  {
    router: oneWordOf(['gatewayApi', 'ingressNginx', 'service'])
      .default('service')
      .describe('What splits requests: an HTTPRoute, annotations of ingress-nginx, or the Service alone.'),
    parentRefs: list(parentRef, 'a list such as [{ name: public }]', { min: 1, max: 32 })
      .optional()
      .describe('For gatewayApi: the Gateways that the HTTPRoute of the App is attached to.'),
    httpRoute: httpRoute
      .optional()
      .describe('For gatewayApi, instead of parentRefs: an HTTPRoute that exists and is shared.'),
    ingressClassName: objectName().optional().describe('For ingressNginx: the class of the Ingress.'),
    ingress: objectName()
      .optional()
      .describe('For ingressNginx: an Ingress that exists. Absent: one is made.'),
    service: objectName()
      .optional()
      .describe('A Service that exists and leads to the App. Absent: one is made, named as the App.'),
    deployment: objectName()
      .optional()
      .describe(
        'The Deployment that `crossfade adopt` took over. A change of its pod template, by `kubectl set image` or GitOps, is taken over into the App.',
      ),
    container: text('the name of a container', DNS_LABEL)
      .optional()
      .describe("Name of the App's container in its pods. Absent: app."),
    serviceAccountName: objectName().optional().describe('Service account of the pods.'),
    imagePullSecrets: list(
      mapping({ name: objectName().describe('Name of the Secret.') }),
      'a list such as [{ name: registry }]',
    )
      .default([])
      .describe('Secrets to pull the image with.'),
    imagePullPolicy: oneWordOf(['Always', 'IfNotPresent', 'Never'])
      .optional()
      .describe('When the image is pulled. Absent: as Kubernetes decides by its tag.'),
    resources: mapping({
      requests: amounts('what is set aside').optional().describe('What is set aside for a pod.'),
      limits: amounts('what a pod may use').optional().describe('What a pod may use at most.'),
    })
      .optional()
      .describe('Processor, memory and other resources of a pod.'),
    securityContext: open('a mapping such as { readOnlyRootFilesystem: true }')
      .optional()
      .describe('Of the container. That of the pod: podTemplate.spec.securityContext.'),
    env: list(variable, 'a list of { name, valueFrom }')
      .default([])
      .describe(
        'Variables with values from ConfigMaps, Secrets or the pod. Their content is part of the revision.',
      ),
    envFrom: list(envFrom, 'a list such as [{ secretRef: { name: shop-db } }]')
      .default([])
      .describe('Variables from all of a ConfigMap or Secret. Their content is part of the revision.'),
    volumes: list(volume, 'a list of volumes')
      .default([])
      .describe('As in a pod. The content of ConfigMaps and Secrets is part of the revision.'),
    volumeMounts: list(volumeMount, 'a list of { name, mountPath }')
      .default([])
      .describe('Where the volumes appear.'),
    topologySpreadConstraints: list(open('a constraint, as in a pod'), 'a list of constraints')
      .default([])
      .describe('How pods are spread. An absent labelSelector means the pods of the same revision.'),
    podDisruptionBudget: exactlyOne(
      mapping({
        minAvailable: countOrPercent().optional().describe('Pods that must stay.'),
        maxUnavailable: countOrPercent().optional().describe('Pods that may be away.'),
      }),
      ['minAvailable', 'maxUnavailable'],
    )
      .optional()
      .describe('How many pods of the App an eviction may take at once.'),
    podTemplate: podTemplate
      .optional()
      .describe('What this format has no field for: laid over the pod template, as `kubectl patch` does.'),
  },
  'a mapping such as { router: gatewayApi, parentRefs: [{ name: public }] }',
);
