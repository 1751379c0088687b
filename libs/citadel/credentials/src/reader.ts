import type { Credential } from '@flotilla/model';

/** A value that is kept up to date until `end` is called. */
export interface Followed<T> {
  /** Undefined while it is not known. */
  current(): T | undefined;
  end(): void;
}

/** Reads the requested Secrets and no others. */
export interface SecretReader {
  /**
   * Follows the Secret of a name, `namespace/name`. Calls `onChange` after each change of `current`, and never before
   * `follow` returns.
   */
  follow(secret: string, onChange: () => void): Followed<Credential | 'absent'>;
}

/** Decides which ServiceAccounts may have the credentials in their namespace. */
export interface AccessReader {
  /** As SecretReader; a ServiceAccount is named `namespace/name`. */
  follow(account: string, onChange: () => void): Followed<'allowed' | 'refused'>;
}

/** Allows the ServiceAccounts in a list and no others. */
export function createReaderList(accounts: readonly string[]): AccessReader {
  const allowed = new Set(accounts);
  return {
    follow: (account) => ({ current: () => (allowed.has(account) ? 'allowed' : 'refused'), end: () => {} }),
  };
}

/** The part of `namespace/name` before the slash. */
export const namespaceOf = (name: string): string => name.slice(0, Math.max(name.indexOf('/'), 0));
