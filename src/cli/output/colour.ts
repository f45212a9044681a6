import { styleText } from 'node:util';

export type Shade = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

/** Paints text; without colours it returns the text as it is. */
export type Paint = (shade: Shade, text: string) => string;

export const plain: Paint = (_shade, text) => text;

export const coloured: Paint = (shade, text) =>
  text === '' ? '' : styleText(shade, text, { validateStream: false });

/** Width on a terminal, escape sequences not counted. */
export function widthOf(text: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
  return text.replace(/\u001b\[[0-9;]*m/g, '').length;
}
