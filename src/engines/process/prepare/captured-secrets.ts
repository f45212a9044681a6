import path from 'node:path';
import { OperatingError } from '../../../core/errors.ts';
import type { RunSpec } from '../../../core/model.ts';
import { exists, makeFolders, readText, writeDurable } from '../durable.ts';
import type { Layout } from '../layout.ts';

/** Values by their HMAC, as they were when a revision was prepared: going back to it goes back to its secrets too. */
export async function captureSecrets(layout: Layout, values: ReadonlyMap<string, string>): Promise<void> {
  if (values.size > 0) await makeFolders(layout.captured);
  for (const [hmac, value] of values) {
    const file = path.join(layout.captured, hmac);
    if (!(await exists(file))) await writeDurable(file, value);
  }
}

/** Variable -> value. @throws OperatingError E_SECRET_LOST */
export async function capturedSecrets(layout: Layout, run: RunSpec): Promise<Record<string, string>> {
  const values: Record<string, string> = {};
  for (const [variable, { secret, hmac }] of Object.entries(run.secretEnv)) {
    const value = await readText(path.join(layout.captured, hmac));
    if (value === undefined) {
      throw new OperatingError(
        'E_SECRET_LOST',
        `the value of secret ${secret} that this revision was made with is gone`,
        {
          hint: `apply the App again: that makes a revision with the present value`,
          details: { secret, variable },
        },
      );
    }
    values[variable] = value;
  }
  return values;
}
