import { beyondMirror, type RouterCapabilities } from '../../core/capabilities.ts';
import { OperatingError } from '../../core/errors.ts';
import type { RouteTable } from '../../core/model.ts';

/** Nothing is degraded silently: what a router cannot do is refused. @throws OperatingError E_ROUTER_CANNOT */
export function refuseUnsupported({ route, app }: RouteTable, can: RouterCapabilities): void {
  const wants: [boolean, string, string][] = [
    [
      route.admit.kind === 'hold' && !can.hold,
      'hold requests',
      'take hold out of the strategy: they are refused then',
    ],
    [
      route.sticky !== undefined && !can.sticky,
      'keep users on their side',
      'take sticky out of the strategy',
    ],
    [
      route.matches.some(({ when }) => when.headers.length > 0) && !can.header,
      'match headers',
      'use another router, or take the match out',
    ],
    [
      route.matches.some(({ when }) => when.cookies.length > 0) && !can.cookie,
      'match cookies',
      'use another router, or take the match out',
    ],
    [beyondMirror(route, can) !== undefined, 'mirror requests', 'take setMirror out of the steps'],
  ];
  for (const [isWanted, what, hint] of wants) {
    if (!isWanted) continue;
    throw new OperatingError('E_ROUTER_CANNOT', `the router of ${app} cannot ${what}`, { hint });
  }
}
