import assert from 'node:assert/strict';
import { it } from 'node:test';
import { sidesOf } from '../../../src/routers/ingress-nginx/canary.ts';
import type { Match } from '../../../src/spec/app.ts';
import { tableOf } from './tables.ts';

const NGINX = 'nginx.ingress.kubernetes.io';
const TWO = tableOf({ '1-1': 10_000, '2-1': 0 });

function matching(...matches: Match[]) {
  return sidesOf({ ...TWO, route: { ...TWO.route, matches: matches.map((when) => ({ when, to: '2-1' })) } });
}

it('the first pool is the main one, the other a canary of ten thousandths', () => {
  const { main, canary } = sidesOf(tableOf({ '1-1': 9167, '2-1': 833 }));
  assert.equal(main, '1-1');
  assert.equal(canary?.pool, '2-1');
  assert.deepEqual(canary?.annotations, {
    [`${NGINX}/canary`]: 'true',
    [`${NGINX}/canary-weight`]: '833',
    [`${NGINX}/canary-weight-total`]: '10000',
  });
  assert.equal(sidesOf(tableOf({ '1-1': 10_000 })).canary, undefined);
});

it('a roll is the same share of a total that is not taken for another', () => {
  const route = { ...TWO.route, split: { kind: 'perReadyReplica' as const, to: ['1-1', '2-1'] } };
  const { canary } = sidesOf({ ...TWO, route });
  assert.deepEqual([canary?.weight, canary?.total], [50, 100]);
});

it('one header or cookie leads to the canary; what its annotations cannot say is refused', () => {
  const header = { name: 'x-a', value: { kind: 'prefix' as const, value: 'eu-' } };
  const byHeader = matching({ headers: [header], cookies: [] });
  assert.equal(byHeader.canary?.annotations[`${NGINX}/canary-by-header-pattern`], '^eu-.*');
  const cookie = (value: string) => ({
    headers: [],
    cookies: [{ name: 'c', value: { kind: 'exact' as const, value } }],
  });
  assert.equal(matching(cookie('always')).canary?.annotations[`${NGINX}/canary-by-cookie`], 'c');
  const refused = { code: 'E_ROUTER_CANNOT' };
  assert.throws(() => matching(cookie('1')), refused);
  assert.throws(() => matching({ headers: [header, header], cookies: [] }), refused);
  assert.throws(() => matching(cookie('always'), cookie('always')), refused);
});
