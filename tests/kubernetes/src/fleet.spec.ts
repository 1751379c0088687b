import { afterAll, beforeAll, describe } from 'vitest';
import { describeConfiguration } from './describe-configuration.ts';
import { describeInstallation } from './describe-installation.ts';
import { describeOutages } from './describe-outages.ts';
import { describeRights } from './describe-rights.ts';
import { describeTokens } from './describe-tokens.ts';
import { openCluster, whyNoCluster, type TestCluster } from './test-cluster.ts';

const why = whyNoCluster();

/** In this order on one cluster, which takes most of the time to come up. */
describe.skipIf(why !== undefined)(`deploy/fleet on a cluster${why === undefined ? '' : `: ${why}`}`, () => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await openCluster();
  }, 600_000);
  afterAll(() => cluster?.close(), 60_000);

  describeInstallation('fleet', () => cluster);
  describeRights(() => cluster);
  describeTokens(() => cluster);
  describeConfiguration(() => cluster);
  describeOutages(() => cluster);
});
