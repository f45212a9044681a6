import { z } from 'zod';
import { expecting } from './expectation.ts';
import { command, headerName, headerValue, httpPath } from './schema-atoms.ts';
import { exactlyOne, list, mapping, onlyTrue, refuse, text, whole, wholeSeconds } from './schema-base.ts';
import { suggestMapping } from './suggest.ts';

const probePort = (whose: string) =>
  whole(1, 65_535, suggestProbePort)
    .optional()
    .describe(`Port to ask. Absent: the replica's own port, which ${whose} is given as PORT.`);

const httpGet = mapping({
  path: httpPath().describe('Path to ask for. An answer from 200 to 399 is a success.'),
  port: probePort('it'),
  httpHeaders: list(
    mapping({
      name: headerName().describe('Name of the header.'),
      value: headerValue().describe('Value of the header.'),
    }),
    'a list of { name, value }',
  )
    .superRefine(refuseTwice)
    .default([])
    .describe('Headers to send with the question.'),
  host: text('a host name or address, such as 127.0.0.1', /^[A-Za-z0-9.:_-]{1,253}$/)
    .optional()
    .describe('Address to connect to. Absent: the replica itself, on 127.0.0.1.'),
});

function refuseTwice(headers: { name: string }[], ctx: z.RefinementCtx): void {
  const names = headers.map((header) => header.name.toLowerCase());
  for (const [index, name] of names.entries()) {
    if (names.indexOf(name) < index)
      refuse(ctx, `the header ${name} is given twice`, 'remove one of them', [index, 'name']);
  }
}

const tcpSocket = mapping({ port: probePort('it') });

const exec = z.union(
  [command(), mapping({ command: command().describe('Program and arguments. Exit status 0 is a success.') })],
  {
    error: expecting('a list with the program and its arguments, or { command: [...] }'),
  },
);

const ACTIONS = ['httpGet', 'tcpSocket', 'exec', 'http', 'tcp'] as const;

function probe(about: { what: string; periodSeconds: number; successThreshold: z.ZodType<number> }) {
  const fields = mapping(
    {
      httpGet: httpGet.optional().describe(`${about.what} by an HTTP request.`),
      tcpSocket: tcpSocket.optional().describe(`${about.what} by opening a TCP connection.`),
      exec: exec
        .optional()
        .describe(
          `${about.what} by running a program beside the replica. A list is short for { command: [...] }.`,
        ),
      http: httpPath().optional().describe('Short for httpGet: { path: ... }.'),
      tcp: onlyTrue().optional().describe('Short for tcpSocket: {}.'),
      initialDelaySeconds: wholeSeconds(0, 3_600)
        .default(0)
        .describe('Seconds from start to the first question.'),
      periodSeconds: wholeSeconds(1, 3_600)
        .default(about.periodSeconds)
        .describe('Seconds between questions.'),
      timeoutSeconds: wholeSeconds(1, 3_600).default(1).describe('Seconds to wait for an answer.'),
      successThreshold: about.successThreshold,
      failureThreshold: whole(1, 1_000)
        .default(3)
        .describe('Failures in a row after which it counts as failed.'),
    },
    'a mapping such as { http: /healthz }',
    suggestProbe,
  );
  return exactlyOne(fields, ACTIONS);
}

const ready = probe({
  what: 'Ask whether a replica can take requests',
  periodSeconds: 1,
  successThreshold: whole(1, 1_000).default(1).describe('Successes in a row after which it counts as ready.'),
});

const live = probe({
  what: 'Ask whether a replica still works',
  periodSeconds: 10,
  successThreshold: whole(1, 1_000)
    .default(1)
    .superRefine((value, ctx) => {
      if (value !== 1) refuse(ctx, `must be 1 for a liveness probe, as in Kubernetes, found ${value}`);
    })
    .describe('Always 1 for a liveness probe.'),
});

/** Of an App with a port: one that nobody asked whether it listens would get requests before it does. */
export const DEFAULT_READY = ready.parse({ tcpSocket: {} });

export type ProbeDocument = z.output<typeof ready>;

export const health = mapping({
  ready: ready
    .optional()
    .describe(
      'When a replica may take requests. Absent: tcpSocket where the App has a port; without a port, as soon as it runs.',
    ),
  live: live
    .optional()
    .describe('When a running replica is stopped and started again. Absent: only when it exits.'),
  minReadySeconds: wholeSeconds(0, 3_600)
    .default(0)
    .describe('A replica counts as available when it has been ready for so many seconds.'),
});

function suggestProbePort(input: unknown): string | undefined {
  return typeof input === 'string'
    ? "ports have no names here: remove it to ask the replica's own port"
    : undefined;
}

function suggestProbe(input: unknown): string | undefined {
  return typeof input === 'string' && input.startsWith('/')
    ? `write { http: ${input} }`
    : suggestMapping(input);
}
