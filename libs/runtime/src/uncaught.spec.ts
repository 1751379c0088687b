import { noObservability, type Fields } from '@flotilla/observability-port';
import { expect, it } from 'vitest';
import { logUncaughtErrors } from './uncaught.ts';

it('logs and counts what nobody caught, and the process goes on', () => {
  const logged: Fields[] = [];
  let counted = 0;
  const before = process.listeners('uncaughtException');
  logUncaughtErrors(
    { ...noObservability.log, error: (_message, fields = {}) => void logged.push(fields) },
    { ...noObservability.metrics, counter: () => ({ add: (count = 1) => void (counted += count), remove: () => {} }) },
  );
  const listener = process.listeners('uncaughtException').find((each) => !before.includes(each));
  if (!listener) throw new Error('nothing listens');
  process.off('uncaughtException', listener);
  listener(new Error('a bug'), 'uncaughtException');
  listener(new Error('a rejection'), 'unhandledRejection');
  expect(logged.map(({ kind, error }) => [kind, error])).toEqual([
    ['uncaughtException', 'a bug'],
    ['unhandledRejection', 'a rejection'],
  ]);
  expect(counted).toBe(2);
});
