/** What must hold of a table before it is served, whoever sent it: a wrong one is refused, never half applied. */
import { OperatingError } from '../../../core/errors.ts';
import { FULL_WEIGHT, type PoolId, type RouteTable } from '../../../core/model.ts';
import { isRange } from './trust.ts';

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const ADDRESS = /^(\[[0-9a-fA-F:.]+\]|[^:\s]+):\d{1,5}$/;

function bad(table: RouteTable, what: string): never {
  throw new OperatingError('E_BAD_TABLE', `route table ${table.generation} of ${table.app}: ${what}`, {
    hint: 'this is a bug of whoever sent the table; the route that was served before is kept',
  });
}

/** @throws OperatingError E_BAD_TABLE */
export function checkTable(table: RouteTable): void {
  if (typeof table.app !== 'string' || !Number.isInteger(table.generation) || table.generation < 1) {
    throw new OperatingError('E_BAD_TABLE', 'a route table needs an app and a generation from 1');
  }
  const { split } = table.route;
  if (split.kind === 'weights') {
    let sum = 0;
    for (const { key, weight } of split.to) {
      if (!Number.isInteger(weight) || weight < 0)
        bad(table, `weight of ${key} is ${weight}, not basis points`);
      sum += weight;
    }
    if (sum !== FULL_WEIGHT) bad(table, `weights sum to ${sum}, not to ${FULL_WEIGHT}`);
  }
  const keys = split.kind === 'weights' ? split.to.map((t) => t.key) : split.to;
  if (new Set(keys).size !== keys.length) bad(table, 'a pool is named twice in the split');
  for (const [pool, members] of Object.entries(table.members)) {
    for (const m of members)
      if (!validAddress(m.address)) bad(table, `${m.replica} of ${pool} has address ${m.address}`);
  }
  for (const [pool, revision] of Object.entries(table.revisions)) checkHeaderValue(table, pool, revision);
  const strange = table.front.trustedProxies?.find((range) => !isRange(range));
  if (strange !== undefined) bad(table, `trusted proxy ${JSON.stringify(strange)} is no address or range`);
  const sticky = table.route.sticky?.by;
  if (sticky?.kind === 'cookie' && !TOKEN.test(sticky.name))
    bad(table, `cookie name ${JSON.stringify(sticky.name)}`);
}

function validAddress(address: string): boolean {
  return ADDRESS.test(address) && Number(address.slice(address.lastIndexOf(':') + 1)) <= 65_535;
}

/** It is written into answers: a line break in it would let a table write headers. */
function checkHeaderValue(table: RouteTable, pool: PoolId, revision: string): void {
  if (!TOKEN.test(revision)) bad(table, `revision of ${pool} is ${JSON.stringify(revision)}`);
}
