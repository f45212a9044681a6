import { exampleApp, type StrategyPage } from './page.ts';

export const abTest: StrategyPage = {
  kind: 'abTest',
  summary: 'two versions for two groups of users, the same user always in the same group, until you decide',
  howItWorks: [
    'Who gets the new version is decided by user, not by request: by a header or cookie that matches (`match`), or by a salted hash of a user key (`split`), or both. The router can issue the cookie to users who have none.',
    'The assignment is sticky and only moves one way: a user who was given the new version keeps it while its share grows, and goes back only when the experiment is aborted. The salt makes sure that it is not always the same users who are tried upon.',
    'The experiment has no end of its own: it runs until `crossfade rollout promote` gives the new version to everybody, or `abort` takes it back. Requests, failures and latency are counted for each version.',
  ],
  advantages: [
    'A user sees one version, consistently: what is measured can be attributed to it.',
    'Groups can be chosen: a country, a beta programme, your own colleagues.',
    'Both versions are kept at full strength; ending it is one route change either way.',
  ],
  disadvantages: [
    'It needs something that identifies a user; users without it get a cookie of the router, or, with `by: { header }`, are split request by request and stick to nothing.',
    'It tells what happened, not why; and what is not measured it cannot tell at all.',
    'It runs for days: both versions have to be kept alive, and a new revision that arrives meanwhile needs a rule (`onNewRevision: queue`).',
    'The statistical verdict is not built yet: the decision is yours, from your own data.',
  ],
  whenToUse: [
    'Two wordings, designs or algorithms, and a question about users that only users can answer.',
    'Features for a chosen group before all the others.',
    'Not to find out whether a version works: that is what canary is for.',
  ],
  example: exampleApp(
    'abTest:\n  match:\n    - headers: { x-beta: "yes" }\n  split:\n    percent: 50\n    by: { cookie: visitor }',
  ),
};
