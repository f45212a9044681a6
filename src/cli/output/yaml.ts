import { stringify } from 'yaml';

/** For people to read: long lines are not folded, repeated parts are written out. */
export function toYamlText(value: unknown): string {
  return stringify(value, { lineWidth: 0, aliasDuplicateObjects: false }).trimEnd();
}
