import { afterAll, beforeAll, describe } from 'vitest';
import { describeInstallation } from './describe-installation.ts';
import { openCluster, whyNoCluster, type TestCluster } from './test-cluster.ts';

const why = whyNoCluster();

describe.skipIf(why !== undefined)(`deploy/monolith on a cluster${why === undefined ? '' : `: ${why}`}`, () => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await openCluster();
  }, 600_000);
  afterAll(() => cluster?.close(), 60_000);

  describeInstallation('monolith', () => cluster);
});
