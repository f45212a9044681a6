/** What stands behind one rule of a route, as an expression where part of it is not known. */
export interface Counted {
  namespace: string;
  route: string;
  rule: string;
  service: string;
}

interface Counts {
  ok: number;
  failed: number;
}

/** What Traefik has counted there. */
export function countedBy(
  services: Map<string, Counts>,
  { namespace, route, rule, service }: Counted,
): Counts {
  const name = new RegExp(
    `^httproute-${namespace}-${route}-gw-.*-${rule}-[0-9a-f]+-svc-${namespace}-${service}-\\d+@kubernetesgateway$`,
  );
  const sum = { ok: 0, failed: 0 };
  for (const [counted, counts] of services) {
    if (!name.test(counted)) continue;
    sum.ok += counts.ok;
    sum.failed += counts.failed;
  }
  return sum;
}
