import type { AdsLimits } from './index.ts';

/** Limits that a test reaches with few requests. */
export const smallLimits: AdsLimits = {
  xdsStreams: 10,
  xdsStreamsPerIdentity: 10,
  xdsWriteTimeout: 60_000,
  xdsQueuedRequests: 8,
  xdsRequestBytes: 10_000,
  xdsNodeBytes: 1000,
  xdsNameBytes: 100,
  xdsNamesPerType: 50,
  xdsNames: 60,
  xdsNamesPerIdentity: 1000,
  xdsTotalNames: 1000,
  xdsNodeBytesPerIdentity: 10_000,
  xdsTotalNodeBytes: 10_000,
  xdsQueuedBytesPerIdentity: 1 << 20,
  xdsTotalQueuedBytes: 1 << 20,
  xdsUnknownNames: 10,
  xdsWatchedUnknownNamesPerIdentity: 10,
  xdsUnknownNamesPerIdentity: 10,
  xdsRefusedTokens: 10,
  xdsTokenChecks: 10,
  xdsTokenChecksPerAddress: 10,
};
