import { type Document, isScalar, visit, type YAMLParseError } from 'yaml';
import type { SpecErrorCode } from './problem.ts';
import { errorAt, type Source } from './source.ts';
import type { SpecError } from './spec-error.ts';

interface Words {
  /** Part of the parser's message; absent: any with this code. */
  says?: string;
  /** What stands between the place and the end of its line. */
  ifLineHas?: string;
  message: string;
  suggestion?: string;
  code?: SpecErrorCode;
}

const QUOTE_IT = 'put the text in quotes';
const SAME_COLUMN = 'fields of one mapping begin in the same column';
const SAME_COLUMN_ITEMS = 'items of one list begin in the same column';
const CLOSE_IT = 'close every { with } and every [ with ], and keep what is inside indented';

/** What the YAML parser says, in words that tell what to do. First match wins; what is not here is passed on as it is. */
const WORDS: Partial<Record<YAMLParseError['code'], Words[]>> = {
  TAB_AS_INDENT: [
    { message: 'tabs are not allowed as indentation in YAML', suggestion: 'indent with spaces' },
  ],
  BAD_SCALAR_START: [
    { message: 'text cannot begin with this character unless it is in quotes', suggestion: QUOTE_IT },
  ],
  BLOCK_AS_IMPLICIT_KEY: [
    {
      says: 'mappings',
      ifLineHas: ': ',
      message: 'a second "name: value" on one line',
      suggestion: 'put text that contains ": " in quotes, or begin an indented line',
    },
    {
      says: 'block sequence',
      message: 'this item is indented differently from those around it',
      suggestion: SAME_COLUMN_ITEMS,
    },
    { says: 'mappings', message: 'the line after this value is indented too far', suggestion: SAME_COLUMN },
  ],
  MULTILINE_IMPLICIT_KEY: [
    {
      message: 'this line has no "name: value"',
      suggestion: 'is a ":" missing after the name, or a blank after the ":"?',
    },
  ],
  BLOCK_IN_FLOW: [{ message: 'an indented block cannot stand inside { } or [ ]', suggestion: CLOSE_IT }],
  BAD_INDENT: [
    {
      says: 'mapping items',
      message: 'this field is indented differently from those around it',
      suggestion: SAME_COLUMN,
    },
    {
      says: 'sequence items',
      message: 'this item is indented differently from those around it',
      suggestion: SAME_COLUMN_ITEMS,
    },
    { says: 'Flow', message: 'a { or [ is not closed before this place', suggestion: CLOSE_IT },
  ],
  MISSING_CHAR: [
    { says: 'closing', message: 'this quote is not closed' },
    {
      says: 'map values',
      message: 'this line has no "name: value"',
      suggestion: 'is a ":" missing after the name, or a blank after the ":"?',
    },
    { says: 'Sequence item', message: 'an item of a list without its "- "' },
    { says: 'Missing ,', message: 'a "," is missing before this place' },
    { says: 'Expected flow', message: 'a { or [ is not closed before this place', suggestion: CLOSE_IT },
    { says: 'Flow', message: 'a { or [ is not closed before this place', suggestion: CLOSE_IT },
  ],
  UNEXPECTED_TOKEN: [
    { says: 'Unexpected ,', message: 'nothing stands before this ","', suggestion: 'remove it' },
    { says: 'at node end', message: 'more follows where the value should end', suggestion: QUOTE_IT },
  ],
  RESOURCE_EXHAUSTION: [{ message: 'the document is nested too deeply', code: 'E_YAML_TOO_DEEP' }],
};

/** The first syntax error of a document. Those after it are mostly its consequences. */
export function syntaxError(document: Document, error: YAMLParseError, source: Source): SpecError {
  const [place] = error.pos;
  const rest = source.text.slice(place).split('\n', 1)[0] ?? '';
  const words = WORDS[error.code]?.find(
    ({ says = '', ifLineHas = '' }) => error.message.includes(says) && rest.includes(ifLineHas),
  );
  const {
    message,
    suggestion,
    code = 'E_YAML_SYNTAX',
  } = words ?? { message: `not valid YAML: ${error.message}` };
  const from = startOf(code, message, document, source, place);
  const problem = { path: [], code, message, ...(suggestion !== undefined && { suggestion }) };
  return errorAt(source, { from, to: from + 1 }, problem);
}

function startOf(
  code: SpecErrorCode,
  message: string,
  document: Document,
  source: Source,
  place: number,
): number {
  // Where the parser gives up depends on the size of its stack.
  if (code === 'E_YAML_TOO_DEEP') return firstVisible(source.text, document.range?.[0] ?? 0);
  return message.includes('quote is not closed')
    ? openingQuote(document, place)
    : firstVisible(source.text, place);
}

/** The parser points at the end of the text that the quote has swallowed, which is where nobody would look. */
function openingQuote(document: Document, offset: number): number {
  let found = offset;
  visit(document, (_, node) => {
    if (!isScalar(node) || !node.type?.startsWith('QUOTE')) return;
    const [from, to] = node.range ?? [offset, offset];
    if (from <= offset && offset <= to) found = from;
  });
  return found;
}

/** Complaints about indentation point at the blanks before what they mean. */
function firstVisible(text: string, offset: number): number {
  const blanks = /^ */.exec(text.slice(offset))?.[0].length ?? 0;
  return /[\n\r]/.test(text.charAt(offset + blanks)) ? offset : offset + blanks;
}
