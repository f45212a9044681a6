import { exampleApp, type StrategyPage } from './page.ts';

export const canary: StrategyPage = {
  kind: 'canary',
  summary: 'a small exact share of the requests first, then more, each step verified by measurement',
  howItWorks: [
    'The steps are yours: `setWeight` gives the new version a share of the requests, down to 0.01%, exact to one request; `pause` waits for a time or for you; `approval` waits for a person; `setHeaderRoute` sends chosen requests to it whatever the weight; `setMirror`, where the router can, gives it copies of requests before it has users, and throws its answers away; `setCanaryScale` sets its number of replicas.',
    'After each change of weight the split is measured by which replica answered, and compared with the split that was asked for. A release whose router does not follow holds and says so, instead of walking on. When users send too few requests, marked ones are sent through the route and counted apart.',
    'At the end the replicas that were tested become the stable ones: nothing is started a second time. Until then stable keeps its full number of replicas, so abort is one route change.',
  ],
  advantages: [
    'A bad version reaches few users, and is taken back in a moment.',
    'The share is exact and independent of the number of replicas: 1% does not need 100 of them.',
    'It is tried with real users and real data, which no test environment has.',
  ],
  disadvantages: [
    'It takes time: each step needs enough requests to say anything.',
    'Both versions answer all the while; without `sticky` the same user may see both.',
    'More replicas than usual while it lasts; stable is not made smaller.',
    'Somebody has to decide what good looks like: the immediate signals stop a version that crashes or answers with errors, not one that sells less.',
  ],
  whenToUse: [
    'Services with enough traffic that a small share means something.',
    'Changes whose risk lies in real traffic: performance, rare inputs, clients of other teams.',
    'The default for everything users notice, when its versions are compatible.',
  ],
  example: exampleApp(
    'canary:\n  steps:\n    - setWeight: 8\n    - pause: { duration: 5m }\n    - setWeight: 50\n    - pause: { duration: 5m }',
  ),
};
