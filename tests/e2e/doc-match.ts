/** Whether a command printed what a page says: the same words, with other numbers where the world decides them. */

/** In this order: what an earlier one has replaced, a later one leaves alone. */
const VARYING: readonly (readonly [RegExp, string])[] = [
  [/v1-[0-9a-f]{12}/g, '<revision>'],
  [/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '<time>'],
  [/\b\d\d:\d\d:\d\d\.\d+/g, '<time>'],
  [/\bpid \d+/g, 'pid <n>'],
  [/127\.0\.0\.1:(2\d|3[01])\d{3}\b/g, '<replica address>'],
  // What the program said about its end; how much around it is quoted is up to the moment.
  [/its last lines: .*("\w*Error: [^"]*").* \(E_/g, 'its last lines: $1 (E_'],
  // Which of several replicas was the first to fail.
  [/\breplica (\d+-\d+)-\d+/g, 'replica $1-<n>'],
  [/measured [\d.]+%/g, 'measured <share>'],
  [/\b[\d,]+ requests/g, '<n> requests'],
  [/\b\d+(\.\d+)?(ms| ms|s|m\d+s|m)(?=$|[\s;,)])/g, '<duration>'],
  [/\b(\d+%) +[\d.]+% +[\d,]+ +0 +/g, '$1 <measured> 0 '],
  [/─+/g, '─'],
  [/[ \t]+/g, ' '],
];

/** Progress, and switches that a probe noticed: which of these are seen depends on when one looks. */
const PASSING = /^(Waiting for app "|---- switch: | {2}stage \d+\/\d+ .*(?<!: done( \(.*\))?)$)/;

/** Numbers of a measurement: all but how many failed. */
const MEASURED = /^(requests|latency|revisions|asked|switch| {11})/;

export interface Varying {
  /** Text that stands for itself on the page and differs here: folders, ports, the user. */
  replace: readonly (readonly [here: string | RegExp, page: string])[];
}

export function matches(page: readonly string[], printed: readonly string[], here: Varying): boolean {
  return fits(
    page.filter(isLasting).map((line) => comparable(line)),
    printed.filter(isLasting).map((line) => comparable(translated(line, here))),
  );
}

function isLasting(line: string): boolean {
  return !PASSING.test(line);
}

function translated(line: string, here: Varying): string {
  return here.replace.reduce((text, [from, to]) => text.replaceAll(from, to), line);
}

function comparable(line: string): string {
  const text = MEASURED.test(line) ? line.replace(/\d[\d,.:]*/g, '<n>') : line;
  return VARYING.reduce((sofar, [pattern, word]) => sofar.replace(pattern, word), text).trimEnd();
}

/** `...` on the page stands for any number of lines. */
function fits(page: readonly string[], printed: readonly string[]): boolean {
  const [first, ...rest] = page;
  if (first === undefined) return printed.length === 0;
  if (first !== '...') return first === printed[0] && fits(rest, printed.slice(1));
  return printed.some((_line, index) => fits(rest, printed.slice(index))) || fits(rest, []);
}
