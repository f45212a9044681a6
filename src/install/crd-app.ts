import { type JsonSchema, jsonSchema } from '../spec/json-schema.ts';
import { crd, type Manifest } from './manifest.ts';
import type { Rule, Structural } from './structural.ts';
import { structural } from './structural.ts';

/** The CustomResourceDefinition of App: the file format as the API server checks it, and the status that it is given. */
export function appCrd(): Manifest {
  return crd({
    kind: 'App',
    plural: 'apps',
    singular: 'app',
    shortNames: ['xf'],
    schema: {
      type: 'object',
      description: 'What to run, how it is reached, and how a new version of it is released.',
      required: ['spec'],
      properties: {
        apiVersion: { type: 'string' },
        kind: { type: 'string' },
        metadata: { type: 'object' },
        spec: specSchema(),
        status: statusSchema(),
      },
      'x-kubernetes-validations': NAME_RULES,
    },
    subresources: {
      status: {},
      scale: {
        specReplicasPath: '.spec.replicas',
        statusReplicasPath: '.status.replicas',
        labelSelectorPath: '.status.selector',
      },
    },
    columns: [
      column('Phase', 'string', '.status.phase'),
      column('Stable', 'string', '.status.stable'),
      column('Candidate', 'string', '.status.candidate'),
      column('Asked', 'string', '.status.asked'),
      column('Measured', 'string', '.status.measured'),
      column('Ready', 'string', '.status.ready'),
      { ...column('Message', 'string', '.status.message'), priority: 1 },
      column('Age', 'date', '.metadata.creationTimestamp'),
    ],
  });
}

/** As for the file: 58 leaves room for a suffix within the 63 of a DNS label. */
const NAME_RULES: Rule[] = [
  {
    rule: "self.metadata.name.matches('^[a-z]([a-z0-9-]{0,56}[a-z0-9])?$')",
    message:
      'metadata.name: expected lower-case letters, digits and -, beginning with a letter, ending with a letter or digit, at most 58 long',
  },
];

function specSchema(): Structural {
  const whole = jsonSchema() as JsonSchema;
  const spec = whole.properties?.spec;
  if (!spec) throw new Error('the schema of an App has no spec');
  const converted = structural(spec);
  return {
    ...converted,
    properties: {
      ...converted.properties,
      // Without a value there would be nothing for a HorizontalPodAutoscaler to read.
      replicas: { ...converted.properties?.replicas, default: 1 },
    },
    'x-kubernetes-validations': [...(converted['x-kubernetes-validations'] ?? []), ...CLUSTER_RULES],
  };
}

const CLUSTER_RULES: Rule[] = [
  {
    rule: '!has(self.source) && !has(self.build)',
    message:
      'source and build name a folder of one machine: build an image of it, and name that in spec.image',
  },
];

const text = (description: string): Structural => ({ type: 'string', description });
const count = (description: string): Structural => ({ type: 'integer', description });

function statusSchema(): Structural {
  return {
    type: 'object',
    description: 'Written by the controller.',
    // A later version of the controller may have written what this one does not know: it must survive.
    'x-kubernetes-preserve-unknown-fields': true,
    properties: {
      observedGeneration: { type: 'integer', format: 'int64', description: 'Generation that was taken up.' },
      phase: text('Where it stands, in one word.'),
      message: text('What it waits for, or what is wrong.'),
      stable: text('Revision that users are on.'),
      candidate: text('Revision that is being released.'),
      asked: text('Share of the candidate that was asked for.'),
      measured: text('Share of the candidate that was measured.'),
      ready: text('Replicas that are ready, of how many.'),
      replicas: count('Replicas that exist.'),
      readyReplicas: count('Replicas that are ready.'),
      updatedReplicas: count('Replicas of the revision that is wanted.'),
      selector: text('Labels of the replicas, for autoscalers.'),
      url: text('Where users find it.'),
      release: text('Release that runs, or the last one, and its stage.'),
      conditions: conditionsSchema(),
      object: text('What was taken up last: the complete App and its revision, as JSON.'),
      state: text('What the controller decides from, as JSON.'),
      log: text('What happened, oldest first, as JSON.'),
      seen: text('What the controller saw last of routes and requests, as JSON.'),
    },
  };
}

/** The shape of metav1.Condition. */
function conditionsSchema(): Structural {
  return {
    type: 'array',
    description: 'Ready, Progressing and Stalled are read by kubectl wait, Flux and Argo CD.',
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['type'],
    items: {
      type: 'object',
      required: ['type', 'status', 'lastTransitionTime', 'reason', 'message'],
      properties: {
        type: text('Name of the condition.'),
        status: { type: 'string', enum: ['True', 'False', 'Unknown'] },
        observedGeneration: { type: 'integer', format: 'int64', minimum: 0 },
        lastTransitionTime: { type: 'string', format: 'date-time' },
        reason: text('One word.'),
        message: text('A sentence.'),
      },
    },
  };
}

function column(name: string, type: string, jsonPath: string) {
  return { name, type, jsonPath };
}
