import { randomBytes } from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import { OperatingError } from '../../core/errors.ts';
import { makeFolders, namesIn, readText, syncFolder, temporaryBeside, writeDurable } from './durable.ts';
import { explained, systemCode } from './failures.ts';
import { layoutOf, TEMPORARY } from './layout.ts';
import type { SecretSource } from './options.ts';

/** Secret values as files of mode 0600, outside the database and every revision. */
export interface SecretFiles extends SecretSource {
  /** @throws OperatingError E_SECRET_NAME, E_SECRET_VALUE, E_DISK_FULL */
  set(namespace: string, name: string, value: string): Promise<void>;
  /** Names, never values. */
  list(namespace: string): Promise<string[]>;
  /** Resolves with whether there was one. Revisions that were prepared with it keep their copy. */
  delete(namespace: string, name: string): Promise<boolean>;
}

const KEY_BYTES = 32;
const LARGEST_VALUE_BYTES = 128 * 1024;

export function createSecretFiles(stateDir: string): SecretFiles {
  const layout = layoutOf(stateDir);
  const fileOf = (namespace: string, name: string) =>
    path.join(layout.secrets, checkedName(namespace), checkedName(name));
  let key: Promise<Buffer> | undefined;

  return {
    async get(namespace, name) {
      return readText(fileOf(namespace, name));
    },
    async set(namespace, name, value) {
      const file = fileOf(namespace, name);
      checkValue(name, value);
      try {
        await makeFolders(path.dirname(file));
        await writeDurable(file, value);
      } catch (error) {
        throw explained(error, `storing secret ${name}`, stateDir);
      }
    },
    async list(namespace) {
      const names = await namesIn(path.join(layout.secrets, checkedName(namespace)));
      return names.filter((name) => !name.startsWith(TEMPORARY));
    },
    async delete(namespace, name) {
      const file = fileOf(namespace, name);
      try {
        await fs.unlink(file);
      } catch (error) {
        if (systemCode(error) === 'ENOENT') return false;
        throw error;
      }
      await syncFolder(path.dirname(file));
      return true;
    },
    hmacKey() {
      key ??= readOrCreate(layout.hmacKey, KEY_BYTES, stateDir).catch((error: unknown) => {
        key = undefined;
        throw error;
      });
      return key;
    },
  };
}

/**
 * Random bytes that are made once per installation. Two processes that create them at the same time get the same
 * ones: a link never replaces, so whoever comes second reads what the first one made.
 */
export async function readOrCreate(file: string, bytes: number, stateDir: string): Promise<Buffer> {
  try {
    await makeFolders(path.dirname(file));
    const known = await readIfComplete(file, bytes);
    if (known) return known;
    const temporary = temporaryBeside(file);
    await writeDurable(temporary, randomBytes(bytes));
    try {
      await fs.link(temporary, file);
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw error;
    } finally {
      await fs.rm(temporary, { force: true });
    }
    await syncFolder(path.dirname(file));
    const made = await readIfComplete(file, bytes);
    if (!made) throw new Error(`${file} vanished while it was made`);
    return made;
  } catch (error) {
    throw explained(error, `creating ${file}`, stateDir);
  }
}

async function readIfComplete(file: string, bytes: number): Promise<Buffer | undefined> {
  const content = await fs.readFile(file).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (content && content.length !== bytes) {
    throw new OperatingError('E_STATE_CORRUPT', `${file} has ${content.length} bytes, expected ${bytes}`, {
      hint: 'restore it from a backup; without it every revision that uses secrets looks changed',
    });
  }
  return content;
}

function checkedName(name: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$/.test(name)) return name;
  throw new OperatingError(
    'E_SECRET_NAME',
    `${JSON.stringify(name)} is not a name for a secret or namespace`,
    {
      hint: 'use letters, digits, ".", "_" and "-", beginning with a letter or digit, at most 253',
    },
  );
}

function checkValue(name: string, value: string): void {
  const bytes = Buffer.byteLength(value);
  if (!value.includes('\0') && bytes <= LARGEST_VALUE_BYTES) return;
  const why = value.includes('\0')
    ? 'contains a NUL byte'
    : `has ${bytes} bytes, at most ${LARGEST_VALUE_BYTES} are allowed`;
  throw new OperatingError('E_SECRET_VALUE', `the value of secret ${name} ${why}`, {
    hint: 'secrets reach an App as environment variables, which are text',
  });
}
