import { exampleApp, type StrategyPage } from './page.ts';

export const recreate: StrategyPage = {
  kind: 'recreate',
  summary: 'stop every old replica, then start the new ones; the outage is declared and measured',
  howItWorks: [
    'The router first stops letting requests through: they are refused with 503 and Retry-After, or, with `hold`, they wait in a queue. Only when the router has acknowledged that are the old replicas drained and stopped. Then the new ones are started, and the route opens when they are ready.',
    'Old and new never run at the same time. The time from the first refused or held request to the first new answer is the outage; it is measured and reported with the number of requests that were refused or held.',
    'With `hold: { maxRequests, maxWait }` the queue ends by itself in the router: a request beyond either limit is answered 503, even when the daemon is gone.',
  ],
  advantages: [
    'Two versions never run side by side: no shared database schema, lock or port has to suit both.',
    'Never more replicas than usual: it fits a machine that has no room for a second set.',
    'The simplest to think about: at each moment there is one version, or none.',
    'With `hold` a short restart is a pause to the user, not an error.',
  ],
  disadvantages: [
    'There is an outage. `plan` says so beforehand, and it lasts at least as long as the new version takes to start.',
    'The new version meets its first user with 100% of the traffic.',
    'Abort is an outage as well: the old version has to be started again.',
    'Held requests use memory and connections, and clients with short timeouts give up on them.',
  ],
  whenToUse: [
    'The new version cannot run beside the old one: an incompatible schema, an exclusive lock, a licence for one instance.',
    'Development and test, or a maintenance window in which an outage is agreed.',
    'Workers that must not process the same queue in two versions.',
  ],
  example: exampleApp('recreate:\n  hold: { maxRequests: 1000, maxWait: 10s }'),
};
