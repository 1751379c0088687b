import { deepFreeze } from './freeze.ts';

let freezes = false;

/** From now on `shared` freezes what it is given. Called once, by the setup of tests. */
export function freezeShared(): void {
  freezes = true;
}

/** Whether shared values are frozen in this process. */
export const freezesShared = (): boolean => freezes;

/**
 * Returns a value that is shared from now on, so that nobody may change it. Tests freeze it deeply, and a change throws
 * there; production does not pay for that.
 */
export const shared = <T>(value: T): T => (freezes ? deepFreeze(value) : value);
