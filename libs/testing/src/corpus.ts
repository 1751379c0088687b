import { join, resolve } from 'node:path';

/**
 * Where Istio's answers lie, when they are at hand: a path below FLOTILLA_CORPUS, else below ../shared/corpus beside
 * the checkout. Tests that need it skip when it isn't there.
 */
export const corpusPath = (...names: string[]): string =>
  join(process.env['FLOTILLA_CORPUS'] ?? resolve(import.meta.dirname, '../../../../shared/corpus'), ...names);
