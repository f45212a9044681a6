/** `npm run exhaustive -- [--surprises N] [--only WORDS]`: small releases, with everything that can happen, in every order. */
import { parseArgs } from 'node:util';
import { Broken, explore } from './explore.ts';
import { SCENARIOS } from './scenarios.ts';

const { values } = parseArgs({
  options: { surprises: { type: 'string', default: '2' }, only: { type: 'string', default: '' } },
});
const scenarios = SCENARIOS.filter(({ name }) => name.includes(values.only));
if (scenarios.length === 0) throw new Error(`no scenario has "${values.only}" in its name`);
let [states, moves] = [0, 0];
try {
  for (const scenario of scenarios) {
    const explored = explore(scenario, Number(values.surprises));
    states += explored.states;
    moves += explored.moves;
    const { deepest } = explored;
    process.stdout.write(
      `${String(explored.states).padStart(9)} states, ${deepest} moves deep: ${scenario.name}\n`,
    );
  }
  process.stdout.write(
    `${states} states by ${moves} moves, at most ${values.surprises} surprises: nothing is broken\n`,
  );
} catch (error) {
  if (!(error instanceof Broken)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
