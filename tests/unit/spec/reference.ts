import { allFields, type Field } from '../../../src/spec/fields.ts';
import type { JsonSchema } from '../../../src/spec/json-schema.ts';

/** Everything between two of these comments is written by `fillTables`. */
const MARKER = /<!-- fields under (\S+) -->\n[\s\S]*?<!-- end -->/g;

/** The reference with its tables as the schema says. A field stands in the table of the nearest section above it. */
export function fillTables(markdown: string): string {
  const sections = [...markdown.matchAll(MARKER)].map((match) => match[1] ?? '');
  return markdown.replaceAll(MARKER, (_, section: string) => {
    const fields = allFields().filter((field) => sectionOf(field.path, sections) === section);
    return `<!-- fields under ${section} -->\n${table(fields)}\n<!-- end -->`;
  });
}

/** `.` is the section of the document itself. */
function sectionOf(path: string, sections: readonly string[]): string {
  const around = sections.filter(
    (section) => path.startsWith(`${section}.`) || path.startsWith(`${section}[]`),
  );
  return around.sort((a, b) => b.length - a.length)[0] ?? '.';
}

function table(fields: readonly Field[]): string {
  const rows = fields.map((field) => {
    const given = field.required ? 'required' : field.default === undefined ? '' : code(field.default);
    return `| ${code(field.path)} | ${kindOf(field.schema)} | ${given} | ${cell(field.description)} |`;
  });
  return ['', '| field | value | default | meaning |', '| --- | --- | --- | --- |', ...rows, ''].join('\n');
}

function kindOf(schema: JsonSchema): string {
  if (schema.not) return 'reserved';
  if (schema.const !== undefined) return code(String(schema.const));
  if (schema.enum) return schema.enum.map((word) => code(String(word))).join(', ');
  if (schema.anyOf)
    return [...new Set(schema.anyOf.map(kindOf))].filter((kind) => kind !== 'null').join(' or ');
  switch (schema.type) {
    case 'integer':
      return `whole number ${range(schema)}`;
    case 'number':
      return `number ${range(schema)}`;
    case 'boolean':
      return '`true`, `false`';
    case 'array':
      return `list of ${schema.items?.type === 'string' ? 'text' : 'mappings'}`;
    case 'object':
      return schema.properties ? 'mapping' : 'names to values';
    case 'string':
      return kindOfText(schema);
    default:
      return schema.type ?? 'anything';
  }
}

function kindOfText(schema: JsonSchema): string {
  if (schema.pattern?.includes('ms)?')) return 'duration';
  return schema.pattern?.endsWith('%$') ? 'percentage' : 'text';
}

function range(schema: JsonSchema): string {
  return `${schema.minimum} to ${schema.maximum}`;
}

function code(text: string): string {
  return `\`${cell(text)}\``;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
