import { z } from 'zod';
import { isAddressRange, parseListen } from './address.ts';
import { expecting } from './expectation.ts';
import { hostName } from './schema-atoms.ts';
import { duration, list, mapping, reserved, yesNo } from './schema-base.ts';
import { suggestText, suggestWrapped } from './suggest.ts';

export const LISTEN = 'a port such as 8000 (on loopback), or an address and port such as "0.0.0.0:8000"';

const listen = () => {
  const error = expecting(LISTEN, suggestListen);
  return z
    .union([z.number({ error }), z.string({ error })], { error })
    .refine((value) => parseListen(value) !== undefined, { error })
    .meta({
      anyOf: [
        { type: 'integer', minimum: 1, maximum: 65_535 },
        { type: 'string', pattern: ':[1-9][0-9]{0,4}$' },
      ],
    });
};

const RANGE = 'an address or a range of them, such as 10.0.0.7 or "10.0.0.0/8"';

const addressRange = () => {
  const error = expecting(RANGE, suggestRange);
  return z
    .string({ error })
    .refine(isAddressRange, { error })
    .meta({ pattern: '^[0-9a-fA-F.:]+(/[0-9]{1,3})?$' });
};

export const route = mapping(
  {
    listen: listen()
      .optional()
      .describe(
        "Where users reach the App. A number alone listens on 127.0.0.1 only. On Kubernetes: the port of the App's Service, 80 when absent.",
      ),
    host: hostName()
      .optional()
      .describe('Only requests with this Host. Absent: every host of this listener.'),
    previewListen: listen()
      .optional()
      .describe(
        'A listener for the preview of a new version. Its host name preview.<host> works without it.',
      ),
    revisionHeader: yesNo().default(true).describe('Answers name their revision in x-crossfade-revision.'),
    upstreamTimeout: duration(1, 86_400_000)
      .default('60s')
      .describe('How long a replica may take until its answer begins. Beyond it, users get 504.'),
    trustedProxies: list(addressRange(), `a list, each item ${RANGE}`, { max: 100 })
      .optional()
      .describe(
        'Proxies in front of the listener whose X-Forwarded-* are believed: addresses or CIDR ranges. From all others they are replaced.',
      ),
    path: reserved(
      'routing by path is not available yet: an App serves every path of its host',
      'remove it; give the App a host of its own with spec.route.host',
    ).describe('Reserved: routing by path is not available yet.'),
    tls: reserved(
      'TLS is not available yet: listeners speak plain HTTP',
      'remove it; put a TLS proxy in front of the listener',
    ).describe('Reserved: TLS is not available yet.'),
  },
  'a mapping such as { listen: 8000 }',
  suggestWrapped('listen', 'number'),
);

function suggestRange(input: unknown): string | undefined {
  if (typeof input !== 'string') return suggestText(input);
  if (input === 'localhost') return 'write 127.0.0.1, and ::1 beside it';
  if (input === '*') return 'write "0.0.0.0/0" and "::/0" to believe everybody';
  return /^[a-z][a-z0-9.-]*$/i.test(input) ? 'write the numeric address of that host' : undefined;
}

function suggestListen(input: unknown): string | undefined {
  if (typeof input !== 'string') return undefined;
  if (/^[1-9]\d*$/.test(input)) return `remove the quotes: ${input}`;
  const port = /^(?::|\*:)([1-9]\d*)$/.exec(input)?.[1];
  if (port !== undefined) return `to listen on every address, write "0.0.0.0:${port}"`;
  if (/^https?:\/\//.test(input)) return 'write the address and port without http://';
  return /^[a-z][a-z0-9.-]*:\d+$/i.test(input)
    ? 'write a numeric address; the host name belongs in spec.route.host'
    : undefined;
}
