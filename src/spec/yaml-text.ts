import type { Problem } from './problem.ts';
import { errorAt, type Source } from './source.ts';
import type { SpecError } from './spec-error.ts';

const MAX_BYTES = 1_048_576;

/** What makes a text unreadable before its first character is looked at as YAML. */
export function checkText(source: Source): SpecError | undefined {
  const { text } = source;
  const bytes = text.length > MAX_BYTES ? text.length : new TextEncoder().encode(text).length;
  if (bytes > MAX_BYTES) {
    return at(
      source,
      0,
      'E_YAML_TOO_LARGE',
      'the file is larger than 1 MiB',
      'put large content into files of its own and name them with fromFile',
    );
  }
  const nul = text.indexOf('\u0000');
  if (nul !== -1)
    return at(
      source,
      nul,
      'E_YAML_ENCODING',
      'the file is not UTF-8 text: it contains NUL bytes',
      'save it as UTF-8 (UTF-16 looks like this)',
    );
  const broken = text.indexOf('\uFFFD');
  if (broken !== -1)
    return at(source, broken, 'E_YAML_ENCODING', 'the file is not valid UTF-8 here', 'save it as UTF-8');
  return undefined;
}

function at(
  source: Source,
  offset: number,
  code: Problem['code'],
  message: string,
  suggestion: string,
): SpecError {
  return errorAt(source, { from: offset, to: offset + 1 }, { path: [], code, message, suggestion });
}
