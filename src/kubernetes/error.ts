import { OperatingError } from '../core/errors.ts';

/** What the API server answers instead of an object. */
export interface Status {
  message?: string;
  reason?: string;
  code?: number;
  details?: {
    name?: string;
    kind?: string;
    retryAfterSeconds?: number;
    causes?: { reason?: string; message?: string; field?: string }[];
  };
}

/** The API server refused, or could not be asked. `status` 0: there was no answer. */
export class KubeError extends OperatingError {
  readonly status: number;
  /** Kubernetes' own word: `Conflict`, `Expired`, `Forbidden`. */
  readonly reason: string;
  readonly causes: NonNullable<NonNullable<Status['details']>['causes']>;
  readonly retryAfterMs: number | undefined;

  constructor(
    code: `E_${string}`,
    message: string,
    given: {
      status: number;
      body?: Status;
      hint?: string;
      cause?: unknown;
      retryAfterMs?: number | undefined;
    },
  ) {
    super(code, message, {
      ...(given.hint === undefined ? {} : { hint: given.hint }),
      ...(given.cause === undefined ? {} : { cause: given.cause }),
      details: { status: given.status, ...(given.body?.reason ? { reason: given.body.reason } : {}) },
    });
    this.name = 'KubeError';
    this.status = given.status;
    this.reason = given.body?.reason ?? '';
    this.causes = given.body?.details?.causes ?? [];
    this.retryAfterMs = given.retryAfterMs;
  }
}

/** @param doing what was asked for, in words: `reading pods/shop-1 in default` */
export function refusal(doing: string, status: number, body: Status, retryAfterMs?: number): KubeError {
  const said = body.message ?? `HTTP ${status}`;
  const { code, hint } = meaning(status, body);
  const given = { status, body, retryAfterMs, ...(hint === undefined ? {} : { hint }) };
  return new KubeError(code, `${doing}: ${said}`, given);
}

export function unreachable(doing: string, server: string, cause: unknown): KubeError {
  const why = cause instanceof Error ? messageOf(cause) : String(cause);
  return new KubeError(
    'E_CLUSTER_UNREACHABLE',
    `${doing}: the API server ${server} does not answer: ${why}`,
    {
      status: 0,
      cause,
      hint: 'see that the cluster runs and that the kubeconfig names the right one',
    },
  );
}

function messageOf(error: Error): string {
  const { code } = error as NodeJS.ErrnoException;
  return error.message || code || error.name;
}

function meaning(status: number, body: Status): { code: `E_${string}`; hint?: string } {
  switch (status) {
    case 401:
      return { code: 'E_CLUSTER_UNAUTHENTICATED', hint: 'renew the credentials in the kubeconfig' };
    case 403:
      return isQuota(body)
        ? { code: 'E_QUOTA_EXCEEDED', hint: 'raise the quota of the namespace, or ask for less' }
        : { code: 'E_CLUSTER_FORBIDDEN', hint: 'give this account the right by a Role and a RoleBinding' };
    case 404:
      return { code: 'E_CLUSTER_NOT_FOUND' };
    case 409:
      return body.reason === 'AlreadyExists'
        ? { code: 'E_CLUSTER_EXISTS' }
        : isOwned(body)
          ? { code: 'E_FIELD_OWNED', hint: 'take the field out of what the other manager applies' }
          : { code: 'E_CONFLICT' };
    case 410:
      return { code: 'E_CLUSTER_EXPIRED' };
    case 429:
    case 500:
    case 502:
    case 503:
    case 504:
      return notWell(body);
    default:
      return { code: 'E_CLUSTER_DENIED' };
  }
}

/** Two refusals have the status of a server that is not well. */
function notWell({ message = '' }: Status): { code: `E_${string}`; hint: string } {
  if (message.includes('admission webhook'))
    return { code: 'E_CLUSTER_DENIED', hint: 'the named webhook decides; ask who runs it' };
  if (message.includes('field not declared in schema'))
    return {
      code: 'E_CLUSTER_DENIED',
      hint: 'the kind in the cluster is older than this program: `crossfade install --crds-only` upgrades the kinds of Crossfade',
    };
  return {
    code: 'E_CLUSTER_UNREACHABLE',
    hint: 'the API server is overloaded or not well; it is asked again',
  };
}

function isQuota({ message = '' }: Status): boolean {
  return /exceeded quota|insufficient quota|(minimum|maximum) .* usage per|must specify limits/.test(message);
}

function isOwned({ details }: Status): boolean {
  return details?.causes?.some((cause) => cause.reason === 'FieldManagerConflict') ?? false;
}

export function isKubeError(error: unknown, status: number): error is KubeError {
  return error instanceof KubeError && error.status === status;
}

export function noAccess(message: string, hint: string, cause?: unknown): OperatingError {
  return new OperatingError('E_KUBECONFIG', message, { hint, ...(cause === undefined ? {} : { cause }) });
}
