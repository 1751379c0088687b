import { describe, expect, it } from 'vitest';
import { buildRetryPolicy } from './retry.ts';

describe('retry policies', () => {
  it.each<[string, string, number[]]>([
    ['reset, 503', 'reset,retriable-status-codes', [503]],
    ['503,504', ',retriable-status-codes', [503, 504]],
    ['retriable-status-codes,503', 'retriable-status-codes', [503]],
    ['reset,,gateway-error', 'reset,gateway-error', []],
    ['599,306', '599,306', []],
    ['451,418', ',retriable-status-codes', [451, 418]],
  ])('tell status codes from conditions: %s', (retryOn, conditions, codes) => {
    expect(buildRetryPolicy({ attempts: 1, retryOn })).toMatchObject({
      retryOn: conditions,
      retriableStatusCodes: codes,
    });
  });

  it('are none for attempts of 0, the default where nothing is said', () => {
    expect(buildRetryPolicy({ attempts: 0, retryOn: '5xx' })).toBeUndefined();
    expect(buildRetryPolicy(undefined)).toMatchObject({ numRetries: { value: 2 }, retriableStatusCodes: [503] });
  });
});
