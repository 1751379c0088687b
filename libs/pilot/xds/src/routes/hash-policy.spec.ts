import { describe, expect, it } from 'vitest';
import { ask, destinationRule, service, virtualService } from '../mesh.fixture.ts';

const host = 'web.shop.svc.cluster.local';
const web = service('web', { clusterIP: '10.8.0.1', ports: [{ name: 'http', port: 80 }] });
const by = (httpHeaderName: string): object => ({ loadBalancer: { consistentHash: { httpHeaderName } } });
const atPort = (rest: object): object => ({ portLevelSettings: [{ port: { number: 80 }, ...rest }] });

/** Headers by which requests to the service are hashed, with a rule, and perhaps a VirtualService to a destination. */
function hashed(rule: object, destination?: object): unknown[] {
  const objects = [
    web,
    destinationRule('web', { host, ...rule }),
    ...(destination
      ? [virtualService('web', { hosts: [host], http: [{ route: [{ destination: { host, ...destination } }] }] })]
      : []),
  ];
  const { virtualHosts } = ask(objects).one('rds', '80') as {
    virtualHosts: { name: string; routes: { route: { hashPolicy?: { header: { headerName: string } }[] } }[] }[];
  };
  return (
    virtualHosts
      .find(({ name }) => name === `${host}:80`)
      ?.routes[0]?.route.hashPolicy?.map(({ header }) => header.headerName) ?? []
  );
}

describe('hash policies', () => {
  it("of a service are its port's, else its rule's, even where the port has another load balancer", () => {
    expect(hashed({ trafficPolicy: { ...by('rule'), ...atPort(by('port')) } })).toEqual(['port']);
    expect(hashed({ trafficPolicy: { ...by('rule'), ...atPort({ loadBalancer: { simple: 'RANDOM' } }) } })).toEqual([
      'rule',
    ]);
  });

  it("of a destination are its port's only where it names that", () => {
    const rule = { trafficPolicy: { ...by('rule'), ...atPort(by('port')) } };
    expect(hashed(rule, {})).toEqual(['rule']);
    expect(hashed(rule, { port: { number: 80 } })).toEqual(['port']);
  });

  it("of a subset go before its rule's, its port's first", () => {
    const rule = (trafficPolicy: object): object => ({
      trafficPolicy: { ...by('rule'), ...atPort(by('port')) },
      subsets: [{ name: 'v1', trafficPolicy }],
    });
    const v1 = { subset: 'v1', port: { number: 80 } };
    expect(hashed(rule({ ...by('subset'), ...atPort(by('subset port')) }), v1)).toEqual(['subset port']);
    expect(hashed(rule({ ...by('subset'), ...atPort({ loadBalancer: { simple: 'RANDOM' } }) }), v1)).toEqual([
      'subset',
    ]);
    expect(hashed(rule({ loadBalancer: { simple: 'RANDOM' } }), v1)).toEqual(['port']);
  });
});
