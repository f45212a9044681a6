/** Shell blocks of a page, in order: what a reader would type, and what the page says that it prints. */

export interface Step {
  command: string;
  /** Lines that the page shows; undefined: nothing is shown, and nothing is compared. */
  prints: string[] | undefined;
  /** `start`: in the second terminal, `stop`: Ctrl-C there, `eventually`: repeated until it prints what is shown. */
  how: 'run' | 'start' | 'stop' | 'eventually';
  /** Line of the page, for messages. */
  line: number;
}

const FENCE = /^```(\w*)$/;
const DIRECTIVE = /^<!-- test: (\w+) -->$/;

/** Runs over ```sh (a script, no output shown) and ```console (`$ command`, then its output). `<!-- test: skip -->` leaves one out. */
export function stepsOf(page: string): Step[] {
  const lines = page.split('\n');
  const steps: Step[] = [];
  for (let at = 0; at < lines.length; at++) {
    const language = FENCE.exec(lines[at] ?? '')?.[1];
    if (language === undefined) continue;
    const end = lines.indexOf('```', at + 1);
    if (end < 0) throw new Error(`line ${at + 1}: this block has no end`);
    const directive = DIRECTIVE.exec(lines[at - 1] ?? '')?.[1] ?? 'run';
    const body = lines.slice(at + 1, end);
    if (directive !== 'skip') steps.push(...blockSteps(language, howOf(directive, at), body, at + 1));
    at = end;
  }
  return steps;
}

function howOf(directive: string, at: number): Step['how'] {
  const known = ['run', 'start', 'stop', 'eventually'] as const;
  const how = known.find((word) => word === directive);
  if (how === undefined) throw new Error(`line ${at}: unknown directive ${directive}`);
  return how;
}

function blockSteps(language: string, how: Step['how'], body: string[], line: number): Step[] {
  if (language === 'sh') return [{ command: body.join('\n'), prints: undefined, how, line }];
  if (language !== 'console') return [];
  if (how === 'stop') return [{ command: '', prints: body.filter((text) => text !== '^C'), how, line }];
  const steps: Step[] = [];
  for (const [index, text] of body.entries()) {
    if (text.startsWith('$ ')) {
      steps.push({ command: text.slice(2), prints: [], how, line: line + index + 1 });
    } else {
      const step = steps.at(-1);
      if (step === undefined) throw new Error(`line ${line + index + 1}: output without a command`);
      step.prints?.push(text);
    }
  }
  return steps.map((step) => ({ ...step, prints: withoutBlankEnd(step.prints ?? []) }));
}

/** Blank lines set commands apart. */
function withoutBlankEnd(lines: string[]): string[] {
  return lines.slice(0, lines.findLastIndex((text) => text !== '') + 1);
}
