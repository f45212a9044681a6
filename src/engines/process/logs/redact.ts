/** Shorter values are too common in ordinary text: to hide them would destroy it and so give them away. */
const SHORTEST = 4;
const MASK = '[redacted]';

export type Redact = (text: string) => string;

/** Hides values as they are, line by line, and as JSON, URLs and base64 write them. */
export function redactor(values: readonly string[]): Redact {
  const forms = new Set<string>();
  for (const value of values) {
    for (const part of [value, value.trim(), ...value.split(/\r?\n/)]) {
      for (const form of formsOf(part)) if (form.length >= SHORTEST) forms.add(form);
    }
  }
  // Longest first: a value that contains another one is hidden as a whole.
  const ordered = [...forms].sort((a, b) => b.length - a.length);
  return (text) => ordered.reduce((masked, form) => masked.replaceAll(form, MASK), text);
}

function formsOf(value: string): string[] {
  if (value.length < SHORTEST) return [];
  const base64 = Buffer.from(value).toString('base64');
  return [
    value,
    JSON.stringify(value).slice(1, -1),
    encodeURIComponent(value),
    base64,
    base64.replace(/=+$/, ''),
  ];
}
