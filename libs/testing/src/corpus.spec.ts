import { afterEach, describe, expect, it, vi } from 'vitest';
import { corpusPath } from './corpus.ts';

describe('the path of the corpus', () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it('is that of a folder that may be missing on a machine of a developer, and not in CI', () => {
    vi.stubEnv('FLOTILLA_CORPUS', import.meta.dirname);
    vi.stubEnv('CI', 'false');
    expect(corpusPath('nowhere')).toBe(`${import.meta.dirname}/nowhere`);
    vi.stubEnv('CI', 'true');
    expect(() => corpusPath('nowhere')).toThrow('nowhere does not exist: set FLOTILLA_CORPUS');
    expect(corpusPath('corpus.ts')).toBe(`${import.meta.dirname}/corpus.ts`);
  });
});
