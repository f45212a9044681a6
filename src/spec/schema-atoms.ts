import { list, refuse, text, whole } from './schema-base.ts';
import { suggestCommand, suggestText } from './suggest.ts';

/** Values that several parts of the format share. */

const HTTP_PATH = /^\/[!-~]*$/;
const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/;
const HEADER_VALUE = /^[\t -~]{0,4096}$/;

export const port = () => whole(1, 65_535);
export const headerName = () => text('a header name, such as x-user', HEADER_NAME);
export const headerValue = () => text('text of printable ASCII characters', HEADER_VALUE);
export const hostName = () =>
  text(
    'a host name in lower case, without scheme and port, such as shop.localhost',
    /^(?=.{1,245}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/,
    suggestHost,
  );
export const command = () =>
  list(
    text('text (each argument is one item of the list)'),
    'a list with the program and its arguments, such as [node, server.js]',
    { min: 1, suggest: suggestCommand },
  ).superRefine(([program], ctx) => {
    if (program === '') refuse(ctx, 'expected the name of a program, found ""', undefined, [0]);
  });

export const httpPath = () => text('a path that begins with /, such as /healthz', HTTP_PATH, suggestPath);

function suggestPath(input: unknown): string | undefined {
  if (typeof input !== 'string') return suggestText(input);
  const path = /^https?:\/\/[^/]+(\/.*)$/.exec(input)?.[1];
  if (path !== undefined) return `write ${path}`;
  return /^[\w.-]+$/.test(input) ? `write /${input}` : undefined;
}

function suggestHost(input: unknown): string | undefined {
  if (typeof input !== 'string') return suggestText(input);
  const bare = input
    .toLowerCase()
    .replace(/^[a-z]+:\/\//, '')
    .replace(/[:/].*$/, '')
    .replace(/\.$/, '');
  return bare !== '' && bare !== input ? `write ${bare}` : undefined;
}
