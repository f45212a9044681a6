import { request } from 'undici';

/** Counters of Traefik, from its Prometheus endpoint: requests per service, as it names them. */
export interface RouterMetrics {
  /** Sums over all instances; per service the answers below 500 and the others. */
  services(): Promise<Map<string, { ok: number; failed: number }> | undefined>;
}

/** Many Apps look at the same counters at the same time. */
const FRESH_MS = 150;
const TIMEOUT_MS = 2_000;
const LINE = /^traefik_service_requests_total\{([^}]*)\}\s+([0-9.e+]+)/;

/** @param urls `http://10.0.0.7:9100/metrics` of every instance, asked each time: instances come and go */
export function traefikMetrics(urls: () => Promise<string[]>): RouterMetrics {
  let last: { at: number; asked: ReturnType<RouterMetrics['services']> } | undefined;
  return {
    services() {
      const now = performance.now();
      if (!last || now - last.at > FRESH_MS) last = { at: now, asked: read(urls) };
      return last.asked;
    },
  };
}

/** One instance that does not tell makes the sums wrong: then nothing is known. */
async function read(urls: () => Promise<string[]>): ReturnType<RouterMetrics['services']> {
  const sums = new Map<string, { ok: number; failed: number }>();
  try {
    const texts = await Promise.all((await urls()).map(fetchText));
    if (texts.length === 0) return undefined;
    for (const text of texts) addCounters(sums, text);
    return sums;
  } catch {
    return undefined;
  }
}

async function fetchText(url: string): Promise<string> {
  const { statusCode, body } = await request(url, { headersTimeout: TIMEOUT_MS, bodyTimeout: TIMEOUT_MS });
  const text = await body.text();
  if (statusCode !== 200) throw new Error(`${url} answered ${statusCode}`);
  return text;
}

export function addCounters(sums: Map<string, { ok: number; failed: number }>, text: string): void {
  for (const line of text.split('\n')) {
    const found = LINE.exec(line);
    if (!found) continue;
    const labels = found[1] ?? '';
    const service = /(?:^|,)service="([^"]*)"/.exec(labels)?.[1];
    const code = Number(/(?:^|,)code="(\d+)"/.exec(labels)?.[1]);
    if (service === undefined) continue;
    const sum = sums.get(service) ?? { ok: 0, failed: 0 };
    sums.set(service, sum);
    if (code < 500) sum.ok += Number(found[2]);
    else sum.failed += Number(found[2]);
  }
}
