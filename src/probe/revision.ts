import type { IncomingHttpHeaders } from 'node:http';

/** An answer that names no version. */
const UNKNOWN_REVISION = 'unknown';

/** Longer names are not names: what a server sends must not fill the report. */
const NAME_LIMIT = 64;

/**
 * Who answered: `x-crossfade-revision`, else `x-app-version`, else `version` of a JSON body.
 * The last two make the probe useful against servers that are not behind Crossfade.
 */
export function revisionOf(headers: IncomingHttpHeaders, body: string): string {
  const named = headers['x-crossfade-revision'] ?? headers['x-app-version'] ?? versionInBody(headers, body);
  const name = Array.isArray(named) ? named[0] : named;
  return name === undefined || name === '' ? UNKNOWN_REVISION : name.slice(0, NAME_LIMIT);
}

function versionInBody(headers: IncomingHttpHeaders, body: string): string | undefined {
  const looksLikeJson = headers['content-type']?.includes('json') === true || body.startsWith('{');
  if (!looksLikeJson) return undefined;
  try {
    const { version } = (JSON.parse(body) ?? {}) as { version?: unknown };
    return typeof version === 'string' || typeof version === 'number' ? String(version) : undefined;
  } catch {
    // Cut off at what is kept of a body, or not JSON after all: it names no version.
    return undefined;
  }
}
