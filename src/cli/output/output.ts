import type { CliContext } from '../context.ts';
import type { GlobalFlags, OutputFormat } from '../globals.ts';
import { coloured, type Paint, plain } from './colour.ts';
import { ASCII, type Glyphs, UNICODE } from './glyphs.ts';
import { toYamlText } from './yaml.ts';

/** Where a command prints: results on stdout, everything said about them on stderr. */
export interface Output {
  format: OutputFormat;
  /** json or yaml: nothing for people goes to stdout. */
  structured: boolean;
  paint: Paint;
  colour: boolean;
  glyphs: Glyphs;
  isTTY: boolean;
  /** Width of the terminal; a file has none. */
  columns: number;
  print(text: string): void;
  lines(lines: readonly string[]): void;
  /** One object as -o json or -o yaml asks. */
  object(value: unknown): void;
  /** One object a line (json), or one document of several (yaml): for --watch. */
  streamed(value: unknown): void;
  /** For people, on stderr. */
  note(text: string): void;
}

export function createOutput(ctx: CliContext, flags: Pick<GlobalFlags, 'output' | 'color'>): Output {
  const structured = flags.output === 'json' || flags.output === 'yaml';
  const colour = wantsColour(ctx, flags);
  const print = (text: string): void => {
    ctx.stdout.write(`${text}\n`);
  };
  return {
    format: flags.output,
    structured,
    paint: colour ? coloured : plain,
    colour,
    glyphs: isUtf8(ctx.env) ? UNICODE : ASCII,
    isTTY: ctx.isTTY,
    columns: ctx.isTTY ? ctx.stdout.columns || 80 : Number.POSITIVE_INFINITY,
    print,
    lines: (lines) => {
      if (lines.length > 0) print(lines.join('\n'));
    },
    object: (value) => print(flags.output === 'yaml' ? toYamlText(value) : JSON.stringify(value, null, 2)),
    streamed: (value) => print(flags.output === 'yaml' ? `---\n${toYamlText(value)}` : JSON.stringify(value)),
    note: (text) => {
      ctx.stderr.write(`${text}\n`);
    },
  };
}

/** Only on a terminal, and never against NO_COLOR or TERM=dumb (https://no-color.org). */
function wantsColour(ctx: CliContext, flags: Pick<GlobalFlags, 'color'>): boolean {
  const { NO_COLOR, TERM } = ctx.env;
  return ctx.isTTY && flags.color && (NO_COLOR === undefined || NO_COLOR === '') && TERM !== 'dumb';
}

function isUtf8(env: CliContext['env']): boolean {
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG || '';
  return /utf-?8/i.test(locale);
}

/** Several objects as one, in Kubernetes' shape. */
export function listOf(items: readonly unknown[]): unknown {
  return { apiVersion: 'crossfade.dev/v1', kind: 'List', items };
}
