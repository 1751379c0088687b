import { resources } from '@flotilla/kube-port';
import { describeKubeApi } from '@flotilla/testing';
import { FakeKube } from './fake-kube.ts';

const custom = { group: 'test.flotilla.dev', versions: ['v1'], plural: 'boats', kind: 'Boat' };

describeKubeApi('in memory', async () => {
  const api = new FakeKube();
  return {
    api,
    namespace: 'test',
    custom,
    withdraw: () => api.withdraw(custom),
    serve: () => api.serve(custom),
    cut: () => api.cut(),
    restore: () => api.restore(),
    revoke: () => api.revoke(resources.configMaps),
    grant: () => api.grant(resources.configMaps),
    close: () => {},
  };
});
