import { expect, it } from 'vitest';
import { credentialNames } from './credential-names.ts';

it('credentials are named by servers of Gateways and by TLS settings of DestinationRules', () => {
  expect(
    credentialNames({
      selector: { istio: 'ingressgateway', credentialName: '' },
      servers: [
        { port: { number: 80 }, hosts: ['a.test'] },
        { port: { number: 443 }, tls: { mode: 'SIMPLE', credentialName: 'a' } },
      ],
    }),
  ).toEqual([{ path: 'spec.servers[1].tls.credentialName', name: 'a' }]);
  expect(
    credentialNames({
      host: 'web',
      trafficPolicy: { portLevelSettings: [{ port: { number: 1 }, tls: { credentialName: 'b' } }] },
      subsets: [{ name: 'v1', trafficPolicy: { tls: { credentialName: 'c' } } }],
    }),
  ).toEqual([
    { path: 'spec.trafficPolicy.portLevelSettings[0].tls.credentialName', name: 'b' },
    { path: 'spec.subsets[0].trafficPolicy.tls.credentialName', name: 'c' },
  ]);
  expect(credentialNames(undefined)).toEqual([]);
});
