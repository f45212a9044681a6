/**
 * Who sees whether a pod is still served. From outside nobody does: the connections of a Service are in the kernel of a
 * node. Inside the pod they are plain to read, so a container is put beside the old one for as long as it takes.
 */

/** Looks in a row without a connection that stays: kubelet's own are gone by the next look. */
const QUIET_LOOKS = 5;
const LOOK_EVERY_MS = 200;
const UNPRIVILEGED = 65_532;
/** Of an established connection in /proc/net/tcp. */
const ESTABLISHED = '01';

/** Ends with 0 when nobody is connected any more. Each change of their number is a line. */
const SCRIPT = `
const { readFileSync } = require('node:fs');
const port = ':' + Number(process.argv[1]).toString(16).toUpperCase().padStart(4, '0');
let before = new Set(), quiet = 0, told = -1;
process.on('SIGTERM', () => process.exit(3));
setInterval(() => {
  const now = new Set();
  for (const file of ['/proc/net/tcp', '/proc/net/tcp6']) {
    let text = '';
    try { text = readFileSync(file, 'utf8'); } catch { continue; }
    for (const line of text.split('\\n').slice(1)) {
      const [, local = '', remote, state] = line.trim().split(/\\s+/);
      if (state === '${ESTABLISHED}' && local.endsWith(port)) now.add(remote);
    }
  }
  const kept = [...now].filter((one) => before.has(one)).length;
  const count = now.size > 1 ? now.size : kept;
  before = now;
  if (count !== told) console.log(told = count);
  quiet = count === 0 ? quiet + 1 : 0;
  if (quiet >= ${QUIET_LOOKS}) process.exit(0);
}, ${LOOK_EVERY_MS});
`;

export function watcherName(left: string): string {
  return `crossfade-drain-${left}`;
}

/** @param image one that has node in its PATH: that of the controller does */
export function watcherContainer(left: string, image: string, port: number): object {
  return {
    name: watcherName(left),
    image,
    imagePullPolicy: 'IfNotPresent',
    command: ['node', '-e', SCRIPT, String(port)],
    securityContext: {
      runAsNonRoot: true,
      runAsUser: UNPRIVILEGED,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
    },
  };
}
