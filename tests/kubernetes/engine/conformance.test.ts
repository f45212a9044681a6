import { it } from 'node:test';
import { engineConformance } from '../../conformance/engine/suite.ts';
import { engineLab, fetchStatus, node, SERVER } from './lab.ts';

const reason = process.env.CROSSFADE_TEST_NO_CLUSTER;

if (reason !== undefined)
  it('engine conformance: kubernetes', (t) => t.skip(`there is no cluster: ${reason}`));
else
  engineConformance('kubernetes', async (t) => {
    const lab = await engineLab(t);
    if (lab === undefined) throw new Error('the pods of a given cluster are not reachable from here');
    const { engine, app, spec, reopen } = lab;
    return {
      engine,
      app,
      server: (version = 'one') => spec({ run: { command: node(SERVER), env: { VERSION: version } } }),
      worker: () => {
        const {
          port: _,
          health: __,
          ...rest
        } = spec({ run: { command: node('setInterval(() => {}, 1000)') } }).spec;
        return { ...spec(), spec: { ...rest, health: { minReadySeconds: 0 } } };
      },
      reopen,
      fetch: fetchStatus,
      cannot: {
        keepLogs: 'the API has the log of a pod only as long as the pod is there',
        loseHealth: 'the kubelet asks for health all the time, whether a controller runs or not',
      },
    };
  });
