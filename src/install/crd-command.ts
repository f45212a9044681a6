import { crd, type Manifest } from './manifest.ts';
import type { Structural } from './structural.ts';

const VERBS = ['promote', 'abort', 'pause', 'resume', 'undo', 'restart', 'retry'];

/** The CustomResourceDefinition of AppCommand: what an operator tells a release, as an object that RBAC and audit know. */
export function commandCrd(): Manifest {
  return crd({
    kind: 'AppCommand',
    plural: 'appcommands',
    singular: 'appcommand',
    shortNames: ['xfc'],
    schema: {
      type: 'object',
      description: 'One command to one App. It is carried out once and kept as a record.',
      required: ['spec'],
      properties: {
        apiVersion: { type: 'string' },
        kind: { type: 'string' },
        metadata: { type: 'object' },
        spec: specSchema(),
        status: statusSchema(),
      },
    },
    subresources: { status: {} },
    columns: [
      { name: 'App', type: 'string', jsonPath: '.spec.app' },
      { name: 'Verb', type: 'string', jsonPath: '.spec.verb' },
      { name: 'Actor', type: 'string', jsonPath: '.spec.actor' },
      { name: 'Result', type: 'string', jsonPath: '.status.result' },
      { name: 'Message', type: 'string', jsonPath: '.status.message', priority: 1 },
      { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
    ],
  });
}

const text = (description: string, maxLength: number): Structural => ({
  type: 'string',
  description,
  maxLength,
});

function specSchema(): Structural {
  return {
    type: 'object',
    required: ['app', 'verb'],
    properties: {
      app: { ...text('Name of the App, in the same namespace.', 58), minLength: 1 },
      verb: { type: 'string', description: 'What to do.', enum: VERBS },
      full: { type: 'boolean', description: 'promote: skip all remaining stages.' },
      toRevision: text('undo: number or id of the revision to go back to.', 64),
      reason: text('Why, for the record.', 1_024),
      actor: text(
        'Who does it. Where the admission policy is installed, it is held to be the user who asks.',
        253,
      ),
      at: { type: 'integer', format: 'int64', description: 'When, in milliseconds since 1970.' },
    },
    'x-kubernetes-validations': [
      { rule: 'self == oldSelf', message: 'a command cannot be changed: create another one' },
      { rule: "!has(self.full) || self.verb == 'promote'", message: 'full belongs to promote' },
      { rule: "!has(self.toRevision) || self.verb == 'undo'", message: 'toRevision belongs to undo' },
    ],
  };
}

function statusSchema(): Structural {
  return {
    type: 'object',
    'x-kubernetes-preserve-unknown-fields': true,
    properties: {
      result: { type: 'string', description: 'done or refused; absent: not decided yet.' },
      code: { type: 'string', description: 'Why it was refused.' },
      message: { type: 'string', description: 'What came of it.' },
      at: { type: 'string', format: 'date-time' },
    },
  };
}
