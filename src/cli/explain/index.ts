import { abTest } from './ab-test.ts';
import { blueGreen } from './blue-green.ts';
import { canary } from './canary.ts';
import type { StrategyPage } from './page.ts';
import { recreate } from './recreate.ts';
import { rolling } from './rolling.ts';

export const STRATEGY_PAGES: readonly StrategyPage[] = [recreate, rolling, blueGreen, canary, abTest];
