import type { Reporter } from 'knip';

/** Says how many files knip has read, so that a configuration that finds none is noticed. */
const counter: Reporter = ({ counters }) => {
  console.log(`files read: ${counters.processed}`);
};

export default counter;
