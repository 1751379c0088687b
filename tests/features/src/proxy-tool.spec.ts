import { afterEach, describe, expect, it } from 'vitest';
import { follow, Held, type Event } from '@flotilla/tool-proxy';
import { openPilot, type Rig } from './secrets.fixture.ts';

const service = (address: string) => ({
  apiVersion: 'networking.istio.io/v1beta1',
  kind: 'ServiceEntry',
  metadata: { name: 'web', namespace: 'shop' },
  spec: {
    hosts: ['web.test'],
    ports: [{ number: 80, name: 'http', protocol: 'HTTP' }],
    resolution: 'STATIC',
    endpoints: [{ address }],
  },
});
const node = { id: 'sidecar~10.0.0.9~sleep.shop~shop.svc.cluster.local', metadata: { NAMESPACE: 'shop' } };
let rig: Rig;
const stop = new AbortController();
afterEach(async () => {
  stop.abort();
  await rig.close();
});

describe('npm run proxy', () => {
  it('gets the resources that an Envoy would get, and each change of them', async () => {
    rig = await openPilot({ objects: [service('10.1.1.1')] });
    const held = new Held();
    const events = follow({ address: `127.0.0.1:${rig.port}`, node, signal: stop.signal }, held)[
      Symbol.asyncIterator
    ]();
    const next = async (): Promise<Event> => (await events.next()).value as Event;
    expect(await next()).toEqual({ kind: 'connected' });
    while (!held.isComplete) await next();
    expect([...held.resourcesOf('cds').keys()]).toContain('outbound|80||web.test');
    expect([...held.resourcesOf('lds').keys()]).toContain('virtualInbound');
    expect([...held.resourcesOf('rds').keys()]).toEqual(['80']);
    const addresses = (): string => JSON.stringify(held.resourcesOf('eds').get('outbound|80||web.test')?.json);
    expect(addresses()).toContain('10.1.1.1');
    await rig.put([service('10.2.2.2')]);
    const event = await next();
    expect(event).toMatchObject({
      kind: 'changed',
      changes: [{ kind: 'eds', name: 'outbound|80||web.test', before: {}, after: {} }],
    });
    expect(addresses()).toContain('10.2.2.2');
  });
});
