import { z } from 'zod';
import { expecting } from './expectation.ts';
import { port } from './schema-atoms.ts';
import {
  duration,
  mapping,
  named,
  oneWordOf,
  optionalMapping,
  shortText,
  text,
  whole,
  wholeSeconds,
} from './schema-base.ts';
import { health } from './schema-health.ts';
import { kubernetes } from './schema-kubernetes.ts';
import { route } from './schema-route.ts';
import { build, run } from './schema-run.ts';
import { minRequests } from './schema-steps.ts';
import { strategy } from './schema-strategy.ts';
import { type Suggest, suggestText } from './suggest.ts';

/** The definition of the App file. Everything else about the format is derived from it or checked against it. */

const LABEL_KEY = /^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;
const LABEL_VALUE = /^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$/;

/** registry/path:tag@digest, as docker and Kubernetes read it. */
const IMAGE =
  /^(?=.{1,512}$)([A-Za-z0-9.-]+(:\d+)?\/)?[a-z0-9]+([._-]+[a-z0-9]+)*(\/[a-z0-9]+([._-]+[a-z0-9]+)*)*(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[0-9a-f]{64})?$/;

const labelKey = () =>
  z.string().regex(LABEL_KEY, { error: expecting('a label name such as team or example.com/team') });

const name = (max: number) =>
  text(
    `a name of lower-case letters, digits and -, beginning with a letter, ending with a letter or digit, at most ${max} long`,
    new RegExp(`^[a-z](?:[a-z0-9-]{0,${max - 2}}[a-z0-9])?$`),
    suggestName(max),
  );

const metadata = mapping(
  {
    /** 58: room for a suffix within the 63 of a DNS label. */
    name: name(58).describe('Name of the App, unique in its namespace.'),
    namespace: name(63).default('default').describe('Namespace of the App.'),
    labels: named(
      labelKey(),
      text('text of letters, digits, -, _ and ., at most 63 long', LABEL_VALUE).describe('Name -> text.'),
      'a mapping of names to text',
    )
      .default({})
      .describe('For selecting Apps. Not part of a revision.'),
    annotations: named(labelKey(), text('text').describe('Name -> text.'), 'a mapping of names to text')
      .default({})
      .describe('Notes for people and programs. Not part of a revision.'),
    generation: z.unknown().optional().describe('Written by `crossfade get`. Ignored.'),
  },
  'a mapping such as { name: shop }',
);

const verify = optionalMapping({
  minRequests: minRequests(),
  onNoTraffic: oneWordOf(['probe', 'hold'])
    .default('probe')
    .describe('Without enough users: probe sends marked requests of its own, hold waits for users.'),
});

const drain = optionalMapping({
  timeout: duration(0, 86_400_000)
    .default('30s')
    .describe('How long a replica that left the route may finish its requests before it is stopped.'),
  longConnections: duration(0, 86_400_000).default('60s').describe('The same for WebSockets and streams.'),
});

export const spec = mapping(
  {
    replicas: whole(0, 1_000).default(1).describe('How many replicas of the stable version run.'),
    source: shortText('the path of a folder, such as .', 4_096)
      .optional()
      .describe('Folder to take a snapshot of, relative to the App file. Absent: the command stands alone.'),
    image: text('an image, such as registry.example.com/shop:1.0, best with its @sha256:... digest', IMAGE)
      .optional()
      .describe('Image to run, instead of source. Needed on Kubernetes; processes of one machine have none.'),
    build: build.optional().describe('Run once inside the snapshot, before the first replica starts.'),
    run: run.prefault({}).describe('What a replica runs. With an image it may be absent.'),
    port: port()
      .optional()
      .describe('The App serves HTTP. Each replica is given a port of its own as PORT. Absent: a worker.'),
    health: health.prefault({}).describe('How Crossfade knows that a replica works.'),
    route: route.optional().describe('How users reach the App. Absent: nothing is routed.'),
    strategy: strategy
      .prefault({ rolling: {} })
      .describe('How a new version is released: exactly one of these. Default: rolling.'),
    verify: verify
      .prefault({})
      .describe('How the measured split is compared with the one that was asked for.'),
    onNewRevision: oneWordOf(['supersede', 'queue', 'reject'])
      .default('supersede')
      .describe(
        'When a new version arrives during a release: supersede it, queue the new one, or reject it.',
      ),
    progressDeadlineSeconds: wholeSeconds(1, 86_400)
      .default(600)
      .describe(
        'A release that makes no progress for so long is aborted. Old connections that drain are not counted against it.',
      ),
    terminationGracePeriodSeconds: wholeSeconds(0, 86_400)
      .default(30)
      .describe('Seconds from TERM to KILL when a replica is stopped.'),
    drain: drain.prefault({}).describe('How replicas leave the route.'),
    revisionHistoryLimit: whole(0, 1_000).default(10).describe('How many old revisions are kept for undo.'),
    kubernetes: kubernetes.optional().describe('What exists on Kubernetes alone, under its names there.'),
  },
  'a mapping with run, and what else the App needs',
);

export const API_VERSION = 'crossfade.dev/v1';

export const appFile = mapping(
  {
    apiVersion: z
      .literal(API_VERSION, { error: expecting(API_VERSION, () => `write ${API_VERSION}`) })
      .describe('Version of this format.'),
    kind: z
      .literal('App', { error: expecting('App', () => 'write App') })
      .describe('The only kind there is.'),
    metadata: metadata.describe('What the App is called.'),
    spec: spec.describe('What is wanted.'),
    status: z.unknown().optional().describe('Written by `crossfade get`. Ignored.'),
  },
  'an App: a mapping with apiVersion, kind, metadata and spec',
  suggestDocument,
);

export type AppDocument = z.output<typeof appFile>;
export type SpecDocument = z.output<typeof spec>;

function suggestName(max: number): Suggest {
  return (input) => {
    if (typeof input !== 'string') return suggestText(input);
    if (input.length > max) return `it is ${input.length} characters long`;
    const fixed = input
      .toLowerCase()
      .replaceAll(/[^a-z0-9-]+/g, '-')
      .replace(/^[^a-z]+/, '')
      .replace(/-+$/, '');
    return fixed !== '' && fixed !== input ? `write ${fixed}` : undefined;
  };
}

function suggestDocument(input: unknown): string | undefined {
  return Array.isArray(input) ? 'write one App after the other, with a line of --- between them' : undefined;
}
