import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Tally } from '../../../src/kubernetes/routing/tally.ts';
import { addCounters } from '../../../src/kubernetes/routing/traefik.ts';

const counters = (ok: number, failed = 0, other = 0) => ({
  split: { ok, failed },
  other: { ok: other, failed: 0 },
});

it('counts begin with the first look, and only growth is added', () => {
  const tally = new Tally();
  tally.absorb({ a: counters(1000) });
  assert.equal(tally.counts().a, undefined);
  tally.absorb({ a: counters(1010, 2, 5) });
  assert.deepEqual(
    [tally.counts().a?.requests, tally.counts().a?.split, tally.counts().a?.failed],
    [17, 12, 2],
  );
});

it('a router that began again, or forgot a backend and takes it up again, is a gap and not a loss', () => {
  const tally = new Tally();
  tally.absorb({ a: counters(1000) });
  tally.absorb({ a: counters(1010) });
  tally.absorb({ a: counters(3) });
  assert.equal(tally.counts().a?.split, 13);
  tally.absorb({});
  tally.absorb({ a: counters(4) });
  assert.equal(tally.counts().a?.split, 17);
});

it('requests of ours are counted apart from those of users', () => {
  const tally = new Tally();
  tally.absorb({ a: counters(0) });
  tally.answers([{ ok: true, status: 200, routed: { generation: 1, pool: 'a' } }]);
  tally.absorb({ a: counters(5) });
  const { split, probes, probesOk } = tally.counts().a ?? {};
  assert.deepEqual([split, probes, probesOk], [4, 1, 1]);
});

it('an answer that does not say whose it is counts for nobody', () => {
  const tally = new Tally();
  tally.answers([{ ok: true, status: 200 }]);
  assert.deepEqual(tally.counts(), {});
});

it('reads the counters of Traefik, answers of 500 and above as failures', () => {
  const sums = new Map<string, { ok: number; failed: number }>();
  addCounters(
    sums,
    [
      '# TYPE traefik_service_requests_total counter',
      'traefik_service_requests_total{code="200",method="GET",protocol="http",service="a@x"} 1.2e+03',
      'traefik_service_requests_total{code="404",method="GET",protocol="http",service="a@x"} 1',
      'traefik_service_requests_total{code="502",method="GET",protocol="http",service="a@x"} 3',
      'traefik_router_requests_total{code="200",service="a@x"} 9',
    ].join('\n'),
  );
  assert.deepEqual([...sums], [['a@x', { ok: 1201, failed: 3 }]]);
});
