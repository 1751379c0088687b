const keySet = (modulus: string): string => `{"keys":[ {"e":"AQAB","kid":"abc","kty":"RSA","n":"${modulus}"}]}`;

/**
 * Keys that verify nothing, in place of those at a URI, as Istio makes them when it can't fetch them (CreateFakeJwks):
 * tokens are refused, not let through.
 */
export const unfetched = (uri: string): string =>
  keySet(Buffer.from(`Error-IstiodFailedToFetchJwksUri-${uri}`).toString('base64url'));

/**
 * RSA-2048 of the RSA Factoring Challenge: a modulus that was published as a challenge and has not been factored. A
 * number that is made of a text would not do: one in ten of them can be factored, and then sign tokens.
 */
const unfactored = [
  'x5cM7tzDsHVEkCAaeqYTzXOREIHHkPXxqHJvRjVQu1t_8NuOHqEYnscvk9FlABG9chrurMKs3jKgQQfwZIwoE6MfWwt3Zf-LRLS2',
  '_8kzhLZG6wnHz16FktQOozyAA581tPFKBLUfe_14G-TRZzFkuo65kcLE1zC7vjX1kr3vUkr36Nrv0mxm_ALEea-J1k03P0QnCUOd',
  '5mzrlV8-o31RWfYTWAn4UzS1yxgTrdyAzQVgnxCsapWtZYcskJUlva0yvHKVkmQpIPJMYdxbPDt5I-VrFqTZ03PYch8ko_wPGzEx',
  '9VYVFyhmvMww-VBUyCTnM6XraBf3vBY5nUjGNhzH5Q',
].join('');

/** The same for a stock Envoy, which refuses a key as short as Istio's, and the listener with it. */
export const unverifiable = keySet(unfactored);
