import { after, before, describe } from 'node:test';
import type { Router } from '../../../src/ports/router.ts';
import { admissionCases } from './cases-admission.ts';
import { drainCases } from './cases-drain.ts';
import { failureCases } from './cases-failures.ts';
import { frontCases } from './cases-front.ts';
import { routeCases } from './cases-route.ts';
import { splitCases } from './cases-split.ts';
import { switchCases } from './cases-switch.ts';
import type { RouterUnderTest } from './lab.ts';

/**
 * What every router must do, whatever it is made of. A case that a router cannot do by its capabilities is skipped, with
 * the capability as the reason.
 */
export function routerConformance(under: RouterUnderTest): void {
  describe(`router: ${under.name}`, () => {
    let started: Router | undefined;
    before(async () => {
      started = await under.start();
    });
    after(() => under.stop());
    const router = (): Router => {
      if (started === undefined) throw new Error('the router has not been started');
      return started;
    };
    switchCases(router);
    splitCases(router);
    routeCases(router);
    admissionCases(router);
    drainCases(router);
    failureCases(router);
    frontCases(router);
  });
}
