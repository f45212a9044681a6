import { type GiveBackPlan, type GiveBackStep, planGiveBack } from '../../adoption/give-back.ts';
import {
  type AdoptionPlan,
  type AdoptionStep,
  type AdoptionWish,
  planAdoption,
} from '../../adoption/plan.ts';
import type { Kube } from '../../kubernetes/client.ts';
import { whoAmI } from '../who-am-i.ts';
import { adopt } from './adopt.ts';
import { findDeployment } from './find.ts';
import { findApp, giveBack } from './give-back.ts';

/** Taking over what a cluster runs already, and giving it back: with the rights of the user who asks for it. */
export interface Ownership {
  planAdoption(wish: AdoptionWish): Promise<AdoptionPlan>;
  adopt(plan: AdoptionPlan, tell: (step: AdoptionStep) => void): Promise<void>;
  planGiveBack(app: { namespace: string; name: string }): Promise<GiveBackPlan>;
  giveBack(plan: GiveBackPlan, tell: (step: GiveBackStep) => void): Promise<void>;
}

export function createOwnership(kube: Kube): Ownership {
  return {
    async planAdoption(wish) {
      const { name, deployment } = wish;
      return planAdoption(wish, await findDeployment(kube, { ...wish, app: name ?? deployment }));
    },
    async adopt(plan, tell) {
      await adopt({ kube, plan, actor: await whoAmI(kube) }, tell);
    },
    planGiveBack: async (app) => planGiveBack(await findApp(kube, app)),
    giveBack: (plan, tell) => giveBack({ kube, plan }, tell),
  };
}
