/**
 * A transcript as a file: input lines, `----`, the lines they led to, an empty line; `#` starts a remark. A person writes
 * what is above the line, the core what is below it.
 */
export interface Block {
  remarks: string[];
  input: string[];
  output: string[];
}

const LINE = '----';

export function parseBlocks(text: string): Block[] {
  return text
    .split('\n\n')
    .map((part) => part.split('\n').filter((line) => line !== ''))
    .filter((lines) => lines.length > 0)
    .map((lines) => {
      const end = lines.indexOf(LINE);
      const above = end < 0 ? lines : lines.slice(0, end);
      return {
        remarks: above.filter((line) => line.startsWith('#')),
        input: above.filter((line) => !line.startsWith('#')),
        output: end < 0 ? [] : lines.slice(end + 1),
      };
    });
}

export function printBlocks(blocks: readonly Block[]): string {
  return blocks.map(printBlock).join('\n');
}

function printBlock({ remarks, input, output }: Block): string {
  return [...remarks, ...input, ...(input.length > 0 ? [LINE, ...output] : []), ''].join('\n');
}
