/**
 * A node:test reporter that writes one JSON record per line, so that the runner knows what a test file did also when
 * the file was killed halfway.
 */
import type { EventData } from 'node:test';
import type { TestEvent } from 'node:test/reporters';
import { inspect } from 'node:util';

export type TestRecord =
  /** A test began to run; its end may never come. */
  | { kind: 'began'; name: string }
  | { kind: 'passed'; name: string }
  /** What a test has to say of itself: what it looked at, how much of it. */
  | { kind: 'told'; text: string }
  | { kind: 'skipped'; name: string; reason: string }
  | { kind: 'failed'; name: string; detail: string };

/** What the test runner of Node says at the end of every file. */
const OWN_COUNTS = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+$/;

/** Names of the tests around the one being reported, outermost first. */
const path: string[] = [];

export default async function* reporter(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of source) {
    const record = toRecord(event);
    if (record !== undefined) yield `${JSON.stringify(record)}\n`;
  }
}

function toRecord(event: TestEvent): TestRecord | undefined {
  switch (event.type) {
    case 'test:dequeue':
      return { kind: 'began', name: event.data.name };
    case 'test:start':
      path.length = event.data.nesting;
      path[event.data.nesting] = event.data.name;
      return undefined;
    case 'test:diagnostic':
      return OWN_COUNTS.test(event.data.message) ? undefined : { kind: 'told', text: event.data.message };
    case 'test:pass':
      return passed(event.data);
    case 'test:fail':
      return failed(event.data);
    default:
      return undefined;
  }
}

function passed(data: EventData.TestPass): TestRecord | undefined {
  const name = fullName(data);
  // A test that is "to do" may fail without anybody noticing: there are none here.
  if (data.todo !== undefined) return { kind: 'failed', name, detail: 'to-do tests are not allowed' };
  // A suite counts by its tests; one that is skipped as a whole reports none.
  if (data.skip === undefined) return data.details.type === 'suite' ? undefined : { kind: 'passed', name };
  return { kind: 'skipped', name, reason: typeof data.skip === 'string' ? data.skip : '' };
}

function failed(data: EventData.TestFail): TestRecord | undefined {
  const { error } = data.details;
  // The tests inside it were reported already; a hook that failed has a kind of its own.
  if ('failureType' in error && error.failureType === 'subtestsFailed') return undefined;
  return { kind: 'failed', name: fullName(data), detail: inspect(error.cause ?? error, { depth: 6 }) };
}

function fullName(data: { name: string; nesting: number }): string {
  return [...path.slice(0, data.nesting), data.name].join(' > ');
}
