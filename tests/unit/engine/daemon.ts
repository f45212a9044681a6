/** A daemon of its own process, to be killed: an engine that grows one pool as it is told and then goes on. */
import { appSpec, deploy, HTTP_READY, openEngine, SERVER_COMMAND } from './support.ts';

const [stateDir = '', source = '', replicas = '1', env = '{}'] = process.argv.slice(2);
const engine = await openEngine(stateDir);
process.send?.('open');
const spec = appSpec({
  source,
  port: 8080,
  run: { command: SERVER_COMMAND, env: JSON.parse(env) as Record<string, string> },
  health: { ready: HTTP_READY },
});
engine.onChange(async (app) => {
  const all = await engine.list(app);
  if (all.length === Number(replicas) && all.every(({ ready }) => ready)) process.send?.('ready');
});
const { ctx } = await deploy(engine, spec, Number(replicas));
process.send?.('grown');
process.on('message', async (message: { stop: string; graceMs: number }) => {
  await engine.stop(ctx, message.stop, message.graceMs);
  process.send?.('stopped');
});
