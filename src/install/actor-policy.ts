import { API_GROUP, API_VERSION, type Manifest } from './manifest.ts';
import { LABELS } from './options.ts';

const NAME = `appcommand-actor.${API_GROUP}`;

/** Holds `spec.actor` of a command to be the user who creates it: without this it is only what they say. */
export function actorPolicy(): Manifest[] {
  return [
    {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingAdmissionPolicy',
      metadata: { name: NAME, labels: { ...LABELS } },
      spec: {
        failurePolicy: 'Fail',
        matchConstraints: {
          resourceRules: [
            {
              apiGroups: [API_GROUP],
              apiVersions: [API_VERSION],
              operations: ['CREATE'],
              resources: ['appcommands'],
            },
          ],
        },
        validations: [
          {
            expression: 'has(object.spec.actor) && object.spec.actor == request.userInfo.username',
            messageExpression:
              '"spec.actor: expected " + request.userInfo.username + ", who creates this command"',
            reason: 'Forbidden',
          },
        ],
      },
    },
    {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata: { name: NAME, labels: { ...LABELS } },
      spec: { policyName: NAME, validationActions: ['Deny'] },
    },
  ];
}
