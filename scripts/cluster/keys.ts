/** The certificates of a cluster, by a certificate authority of its own, and the kubeconfig files that hold them. */
import { execFile } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Programs } from './build/build.ts';
import { API_PORT, API_SERVICE_IP, type ClusterNode, FIRST_NODE } from './layout.ts';

const run = promisify(execFile);
const DAYS = '30';
const OPENSSL_CONFIG = `
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[leaf]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature, keyEncipherment
extendedKeyUsage = serverAuth, clientAuth
`;

export interface KeyPair {
  certificate: string;
  key: string;
}

interface Subject {
  name: string;
  group?: string;
  addresses?: readonly string[];
}

/** Makes the certificates of one cluster in one folder. */
export class KeyMaker {
  readonly #folder: string;
  readonly #env: Programs['env'];

  constructor(folder: string, env: Programs['env']) {
    this.#folder = folder;
    this.#env = env;
  }

  get authority(): KeyPair {
    return this.pair('ca');
  }

  get serviceAccounts(): { publicKey: string; privateKey: string } {
    return { publicKey: this.#file('accounts.pub'), privateKey: this.#file('accounts.key') };
  }

  async prepare(): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    await writeFile(this.#file('openssl.cnf'), OPENSSL_CONFIG);
    await this.#request('ca', ['-extensions', 'authority', '-subj', '/CN=crossfade-test']);
    const accounts = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const { publicKey, privateKey } = this.serviceAccounts;
    await writeFile(publicKey, accounts.publicKey.export({ type: 'spki', format: 'pem' }));
    await writeFile(privateKey, accounts.privateKey.export({ type: 'sec1', format: 'pem' }), { mode: 0o600 });
  }

  /** A certificate for a server, a client or both; the name is also that of its files. */
  async issue(file: string, { name, group, addresses = [] }: Subject): Promise<KeyPair> {
    const names = addresses.map((address) => (/^[\d.]+$/.test(address) ? `IP:${address}` : `DNS:${address}`));
    const alternatives = names.length === 0 ? [] : ['-addext', `subjectAltName=${names.join(',')}`];
    const signer = ['-CA', this.authority.certificate, '-CAkey', this.authority.key];
    const subject = `${group === undefined ? '' : `/O=${group}`}/CN=${name}`;
    await this.#request(file, ['-extensions', 'leaf', '-subj', subject, ...alternatives, ...signer]);
    return this.pair(file);
  }

  /** A kubeconfig file with everything in it, so that it can be copied. */
  async writeKubeconfig(file: string, client: KeyPair): Promise<void> {
    const base64 = async (from: string) => (await readFile(from)).toString('base64');
    const cluster = {
      server: `https://${FIRST_NODE.address}:${API_PORT}`,
      'certificate-authority-data': await base64(this.authority.certificate),
    };
    const user = {
      'client-certificate-data': await base64(client.certificate),
      'client-key-data': await base64(client.key),
    };
    const name = 'crossfade-test';
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name, cluster }],
      users: [{ name, user }],
      contexts: [{ name, context: { cluster: name, user: name, namespace: 'default' } }],
      'current-context': name,
    };
    await writeFile(file, `${JSON.stringify(config, undefined, 2)}\n`, { mode: 0o600 });
  }

  async #request(file: string, args: readonly string[]): Promise<void> {
    const { certificate, key } = this.pair(file);
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
    const files = ['-keyout', key, '-out', certificate, '-config', this.#file('openssl.cnf')];
    const env = { ...process.env, ...this.#env };
    await run('openssl', ['req', '-x509', ...curve, ...files, '-days', DAYS, ...args], { env });
  }

  /** The files of a certificate that was issued. */
  pair(name: string): KeyPair {
    return { certificate: this.#file(`${name}.crt`), key: this.#file(`${name}.key`) };
  }

  #file(name: string): string {
    return path.join(this.#folder, name);
  }
}

/** Names by which the API server is called. */
export const API_NAMES = [
  FIRST_NODE.address,
  API_SERVICE_IP,
  '127.0.0.1',
  'localhost',
  'kubernetes',
  'kubernetes.default',
  'kubernetes.default.svc',
];

/** The user that a kubelet is: the node authorizer goes by it. */
export function nodeSubject(node: ClusterNode): Subject {
  return { name: `system:node:${node.name}`, group: 'system:nodes', addresses: [node.address, node.name] };
}
