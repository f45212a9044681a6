import type { TestContext } from 'node:test';
import {
  type SystemPackages,
  SystemPackagesUnavailable,
  unpackDebian,
} from '../../scripts/system-packages.ts';

/**
 * System programs for a test. Where they cannot be had the test is skipped with the reason, and undefined is returned;
 * CI allows no such skip.
 */
export async function systemPackages(
  t: TestContext,
  names: readonly string[],
): Promise<SystemPackages | undefined> {
  try {
    return await unpackDebian(names);
  } catch (error) {
    if (!(error instanceof SystemPackagesUnavailable)) throw error;
    t.skip(error.message);
    return undefined;
  }
}
