import type { CliContext } from './context.ts';
import type { Paint } from './output/colour.ts';

/** Lines that stay, and one line below them that says what is going on now. */
export interface LiveLines {
  line(text: string): void;
  now(text: string | null): void;
  /** What is shown now stays. */
  keep(): void;
  /** Leaves the terminal as if the live line had never been there. */
  end(): void;
}

const ERASE_LINE = '\r\u001b[K';

/** On a terminal the live line is overwritten; in a file it is written when its words change, not when its numbers do. */
export function createLiveLines(
  ctx: Pick<CliContext, 'stdout' | 'isTTY'>,
  paint: Paint,
  to: { write(text: string): unknown } = ctx.stdout,
): LiveLines {
  let shown: string | null = null;
  let lastWords = '';
  const erase = (): void => {
    if (ctx.isTTY && shown !== null) to.write(ERASE_LINE);
    shown = null;
  };
  return {
    line(text) {
      erase();
      lastWords = '';
      to.write(`${text}\n`);
    },
    now(text) {
      if (text === null || text === shown) return;
      if (!ctx.isTTY) {
        const words = isCount(text) ? text : text.replace(/\d+(\.\d+)?/g, '#');
        if (words !== lastWords) to.write(`${text}\n`);
        lastWords = words;
        return;
      }
      erase();
      const width = (ctx.stdout.columns || 80) - 1;
      to.write(paint('dim', text.length > width ? text.slice(0, width) : text));
      shown = text;
    },
    keep() {
      if (ctx.isTTY && shown !== null) to.write('\n');
      shown = null;
    },
    end: erase,
  };
}

/** kubectl's progress sentences are about the numbers: each one is news. */
function isCount(text: string): boolean {
  return text.startsWith('Waiting for app');
}
