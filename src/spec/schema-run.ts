import { z } from 'zod';
import { expecting } from './expectation.ts';
import { absoluteFolder, insideFolder } from './paths.ts';
import { command } from './schema-atoms.ts';
import { duration, exactlyOne, list, mapping, named, shortText, text } from './schema-base.ts';
import { commandList, type Suggest, suggestMapping, suggestText } from './suggest.ts';

const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** The highest one means "no user" to the kernel. */
const MAX_USER_ID = 4_294_967_294;
export const INSIDE_SOURCE = 'a folder inside spec.source: a relative path without ".."';
const SECRET_NAME = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;

const filePath = () => shortText('a path of a file, relative to the folder of the App file', 4_096);

const insidePath = (what: string, suggest: Suggest) => {
  const error = expecting(`${what}: a relative path without ".."`, suggest);
  return z.string({ error }).refine((path) => insideFolder(path) !== undefined, { error });
};

/** Which of the two shapes fits is decided by a rule: it depends on spec.image. */
const workingDir = () => {
  const error = expecting(INSIDE_SOURCE, suggestText);
  return z
    .string({ error })
    .refine((path) => insideFolder(path) !== undefined || absoluteFolder(path) !== undefined, { error });
};

const envValue = z
  .union(
    [
      text('text, { fromFile: path } or { secret: name }'),
      exactlyOne(
        mapping({
          fromFile: filePath()
            .optional()
            .describe('File whose content is the value, without a last line break.'),
          secret: text('the name of a secret, such as shop-db', SECRET_NAME)
            .optional()
            .describe(
              'Name of a secret that the daemon keeps (`crossfade secret set`). Its value is never shown.',
            ),
        }),
        ['fromFile', 'secret'],
      ),
    ],
    {
      error: expecting('text, { fromFile: path } or { secret: name }', suggestText),
    },
  )
  .describe('Name -> text, or where the value comes from.');

const configFile = exactlyOne(
  mapping(
    {
      content: text('text').optional().describe('The content itself.'),
      fromFile: filePath().optional().describe('File to take the content from.'),
    },
    '{ content: text } or { fromFile: path }',
    (input) =>
      typeof input === 'string' ? 'write { content: ... } or { fromFile: ... }' : suggestMapping(input),
  ),
  ['content', 'fromFile'],
).describe('Path in the working folder -> what is in it.');

const envKey = () =>
  z.string().regex(ENV_NAME, {
    error: expecting('a name of letters, digits and _, not beginning with a digit'),
  });

const user = () => {
  const error = expecting('a user name such as nobody, or a user id such as 1000');
  return z.union(
    [
      z.string({ error }).regex(/^([a-z_][a-z0-9_-]{0,31}|\d{1,10})$/, { error }),
      z.number({ error }).int({ error }).min(0, { error }).max(MAX_USER_ID, { error }),
    ],
    { error },
  );
};

export const run = mapping(
  {
    command: command()
      .optional()
      .describe(
        "Program and arguments, as a list; no shell is involved. {port} in an argument becomes the replica's port. Only an image may do without.",
      ),
    env: named(envKey(), envValue, 'a mapping of names to values, such as { GREETING: hello }', suggestEnv)
      .default({})
      .describe('Environment variables. Replicas inherit nothing else than what is documented.'),
    envFiles: list(filePath(), 'a list of paths, such as [.env]')
      .default([])
      .describe('Files of NAME=value lines, relative to the App file. Later ones win, env wins over all.'),
    configFiles: named(
      insidePath('a path inside the working folder', suggestInside),
      configFile,
      'a mapping of paths to { content } or { fromFile }',
    )
      .default({})
      .describe('Files to put into the working folder. They are part of the revision.'),
    user: user()
      .optional()
      .describe('User to run as, by name or id. Only a daemon that runs as root can change it.'),
    workingDir: workingDir()
      .optional()
      .describe('Folder to start in, relative to source. In an image: an absolute path.'),
  },
  'a mapping such as { command: [node, server.js] }',
);

export const build = mapping(
  {
    command: command().describe('Program and arguments, run once inside the snapshot of source.'),
    timeout: duration(1_000, 86_400_000).default('10m').describe('How long it may take.'),
  },
  'a mapping such as { command: [npm, ci] }',
  (input) => (typeof input === 'string' ? `write { command: ${commandList(input)} }` : suggestMapping(input)),
);

function suggestInside(input: unknown): string | undefined {
  if (typeof input !== 'string') return suggestText(input);
  const path = insideFolder(input.replace(/^\/+/, ''));
  return path === undefined || path === input ? undefined : `write ${path}`;
}

function suggestEnv(input: unknown): string | undefined {
  return Array.isArray(input) ? 'write NAME: value instead of list items' : undefined;
}
