import { createHmac } from 'node:crypto';
import fs from 'node:fs/promises';
import { parseEnv } from 'node:util';
import { OperatingError } from '../../../core/errors.ts';
import type { RunSpec } from '../../../core/model.ts';
import type { AppSpec, EnvValue } from '../../../spec/app.ts';
import { isMissing, systemCode } from '../failures.ts';
import type { SecretSource } from '../options.ts';

export interface Environment {
  env: Record<string, string>;
  secretEnv: RunSpec['secretEnv'];
  /** HMAC -> value, of every secret that is used. */
  secretValues: Map<string, string>;
}

/**
 * Literal values and files are part of the revision; of secrets only keyed hashes are, so that a revision says whether
 * a secret changed without saying what it is. @throws OperatingError E_FILE_*, E_SECRET_MISSING, E_ENV_VALUE
 */
export async function resolveEnvironment(spec: AppSpec, secrets: SecretSource): Promise<Environment> {
  const given: Record<string, EnvValue> = {};
  for (const file of spec.spec.run.envFiles) {
    for (const [name, value] of Object.entries(parseEnv(await readNamed(file, 'spec.run.envFiles')))) {
      if (value !== undefined) given[name] = value;
    }
  }
  Object.assign(given, spec.spec.run.env);
  const resolved: Environment = { env: {}, secretEnv: {}, secretValues: new Map() };
  for (const [name, value] of Object.entries(given)) {
    checkName(name, value);
    if (typeof value === 'string') resolved.env[name] = checked(name, value);
    else if ('secret' in value) await addSecret(resolved, spec, name, value.secret, secrets);
    else resolved.env[name] = checked(name, await readValue(value.fromFile, name));
  }
  return resolved;
}

async function addSecret(
  into: Environment,
  spec: AppSpec,
  variable: string,
  secret: string,
  secrets: SecretSource,
): Promise<void> {
  const { namespace } = spec.metadata;
  const value = await secrets.get(namespace, secret);
  if (value === undefined) {
    throw new OperatingError(
      'E_SECRET_MISSING',
      `there is no secret ${secret} in namespace ${namespace}, which spec.run.env.${variable} names`,
      {
        hint: `create it with \`crossfade secret set ${secret} -n ${namespace}\`, or correct spec.run.env.${variable}.secret`,
        details: { secret, namespace, variable },
      },
    );
  }
  const hmac = createHmac('sha256', await secrets.hmacKey())
    .update(value)
    .digest('hex');
  into.secretEnv = { ...into.secretEnv, [variable]: { secret, hmac } };
  into.secretValues.set(hmac, value);
}

/** The newline that editors add at the end is not part of the value. */
async function readValue(file: string, variable: string): Promise<string> {
  return (await readNamed(file, `spec.run.env.${variable}`)).replace(/\r?\n$/, '');
}

/** @param field where the App file names it */
async function readNamed(file: string, field: string): Promise<string> {
  return (await readNamedBytes(file, field)).toString('utf8');
}

export async function readNamedBytes(file: string, field: string): Promise<Buffer> {
  try {
    return await fs.readFile(file);
  } catch (error) {
    const options = { details: { file, field }, cause: error };
    if (isMissing(error)) {
      throw new OperatingError('E_FILE_MISSING', `${file} does not exist; ${field} names it`, {
        hint: 'relative paths are taken from the folder of the App file',
        ...options,
      });
    }
    if (!['EACCES', 'EPERM', 'EISDIR'].includes(systemCode(error) ?? '')) throw error;
    throw new OperatingError(
      'E_FILE_UNREADABLE',
      `${file} could not be read (${systemCode(error)}); ${field} names it`,
      {
        hint: 'it must be a file that the user of the daemon may read',
        ...options,
      },
    );
  }
}

const SHELL_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

function checkName(name: string, value: EnvValue): void {
  if (name === '' || /[=\0]/.test(name)) {
    throw new OperatingError(
      'E_ENV_NAME',
      `${JSON.stringify(name)} is not a name for an environment variable`,
      {
        hint: 'use letters, digits and "_"',
      },
    );
  }
  // Such names reach a replica through an argument of env(1), which every user of the machine can read.
  if (typeof value !== 'string' && 'secret' in value && !SHELL_NAME.test(name)) {
    throw new OperatingError('E_ENV_NAME', `the variable ${name} cannot carry a secret`, {
      hint: 'a variable with a secret has a name of letters, digits and "_" that begins with no digit',
    });
  }
}

function checked(name: string, value: string): string {
  if (!value.includes('\0')) return value;
  throw new OperatingError('E_ENV_VALUE', `the value of the variable ${name} contains a NUL byte`, {
    hint: 'environment variables are text; give binary data as a config file',
  });
}
