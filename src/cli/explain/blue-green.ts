import { exampleApp, type StrategyPage } from './page.ts';

export const blueGreen: StrategyPage = {
  kind: 'blueGreen',
  summary: 'a full second set beside the first, looked at through a preview address, then one switch',
  howItWorks: [
    'The new version is started in full beside the old one: one is blue, the other green. Users stay where they are, while the new colour answers at the preview address: `preview.<host>`, or a listener of its own.',
    'When it is ready, and you have promoted it (or it does so by itself, with `autoPromotionEnabled`), the route is switched at once: each next request goes to the new colour, also on connections that are kept alive. Requests in flight are finished by the old one.',
    'The old colour is kept warm for a while (`scaleDownDelaySeconds`). Until then undo is one route change and takes less than a second. Then it is drained, stopped, and what was freed is reported. Next time the colours are swapped.',
  ],
  advantages: [
    'All users change version at the same moment; nobody sees a mixture.',
    'The very replicas that will serve can be tried out before, at the preview address.',
    'Going back is immediate while the old colour is warm.',
  ],
  disadvantages: [
    'Twice the replicas while it lasts, and for the warm time.',
    'All or nothing: a defect that the preview did not show reaches every user at once.',
    'Both colours share databases and queues: their schemas have to be compatible, and undo does not undo data.',
  ],
  whenToUse: [
    'A change that all users should get at the same time, like a new protocol or a new price list.',
    'When somebody has to look at the new version with real data before users do.',
    'When going back has to be certain and fast, and there is room for two sets.',
  ],
  example: exampleApp('blueGreen:\n  autoPromotionEnabled: false\n  scaleDownDelaySeconds: 600'),
};
