import { exampleApp, type StrategyPage } from './page.ts';

export const rolling: StrategyPage = {
  kind: 'rolling',
  summary: 'replace replicas a few at a time, within maxSurge and maxUnavailable',
  howItWorks: [
    'New replicas are started a few at a time. Each one gets traffic when it is ready (and has been for minReadySeconds); for each one that came, an old one leaves: the router acknowledges that it is out of the route, its requests in flight are finished, and only then is it stopped.',
    '`maxSurge` is how many replicas there may be above the wanted number, `maxUnavailable` how many may be missing from it. Both are numbers or percentages and are rounded as Kubernetes rounds them: surge up, unavailable down, never both zero.',
    'Every ready replica gets the same share of the requests, so the share of the new version grows with the number of its replicas.',
  ],
  advantages: [
    'No request is lost, and little more capacity is needed than usual: one replica, with maxSurge 1.',
    'Works without a route as well: for workers, readiness alone moves it.',
    'The default of Kubernetes: the fields, the rounding and the progress lines are the same.',
  ],
  disadvantages: [
    'Both versions answer during the release, and the share of each is a side effect of the replica counts: with 3 replicas the first step is already a third of the users.',
    'A bad version is noticed by its readiness and by failing answers, not by comparing it with the old one.',
    'Going back is a roll of its own, replica by replica: slower than a switch.',
  ],
  whenToUse: [
    'Everyday releases of services whose versions are compatible with each other.',
    'When there is no room for a second full set of replicas.',
    'Workers and other Apps without a route.',
  ],
  example: exampleApp('rolling:\n  maxSurge: 1\n  maxUnavailable: 0'),
};
