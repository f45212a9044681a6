import type { DatabaseSync } from 'node:sqlite';
import { asOperatingError, isDiskFull } from './errors.ts';
import type { Reserve } from './reserve.ts';

export interface Writer {
  read<T>(work: () => T): T;
  /** A change that a user asks for: refused on a full disk, so that the reserve stays for what matters. */
  ordinary<T>(work: () => T): T;
  /** A commit of the controller, or a command that may lead back to stable: uses up the reserve before it fails. */
  urgent<T>(work: () => T): T;
}

/** Runs work in transactions; what fails leaves the database as it was. */
export function createWriter(db: DatabaseSync, file: string, reserve: Reserve): Writer {
  const translating = <T>(work: () => T): T => {
    try {
      return work();
    } catch (error) {
      throw asOperatingError(error, file);
    }
  };
  return {
    read: translating,
    ordinary: (work) =>
      translating(() => {
        if (!reserve.fill()) throw Object.assign(new Error('no room for the reserve'), { code: 'ENOSPC' });
        return transaction(db, work);
      }),
    urgent: (work) =>
      translating(() => {
        for (;;) {
          try {
            return transaction(db, work);
          } catch (error) {
            if (!isDiskFull(error, file) || !reserve.releasePart()) throw error;
          }
        }
      }),
  };
}

function transaction<T>(db: DatabaseSync, work: () => T): T {
  db.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    db.exec('COMMIT');
    return result;
  } catch (error) {
    // SQLite has rolled back by itself after some errors, a full disk among them.
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}
