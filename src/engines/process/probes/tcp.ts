import net from 'node:net';
import { connectionProblem, noAnswer, type ProbeAnswer } from './answer.ts';

export function probeTcp(probe: {
  port: number;
  timeoutMs: number;
  signal: AbortSignal;
}): Promise<ProbeAnswer> {
  const address = `127.0.0.1:${probe.port}`;
  return new Promise((resolve) => {
    const socket = net.connect({ host: '127.0.0.1', port: probe.port });
    const end = (answer: ProbeAnswer) => {
      clearTimeout(timer);
      probe.signal.removeEventListener('abort', cancel);
      socket.destroy();
      resolve(answer);
    };
    const cancel = () => end({ ok: false, detail: 'cancelled' });
    const timer = setTimeout(() => end(noAnswer(probe.timeoutMs)), probe.timeoutMs);
    probe.signal.addEventListener('abort', cancel);
    socket.once('connect', () => end({ ok: true, detail: `${address} accepts connections` }));
    socket.on('error', (error) => end(connectionProblem(error, address)));
  });
}
