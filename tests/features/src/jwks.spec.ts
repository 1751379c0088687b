import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createKeySetSource, jwksSettings } from '@flotilla/pilot-jwks';
import { noObservability } from '@flotilla/observability-port';
import { createManualClock, newKeySet, startKeyServer, type KeyServer } from '@flotilla/testing';
import { openPilot, type Rig } from './secrets.fixture.ts';

const listenerType = 'type.googleapis.com/envoy.config.listener.v3.Listener';
const refreshMs = 20 * 60_000;
const policy = (name: string, app: string, jwksUri: string): unknown => ({
  apiVersion: 'security.istio.io/v1beta1',
  kind: 'RequestAuthentication',
  metadata: { name, namespace: 'shop' },
  spec: { selector: { matchLabels: { app } }, jwtRules: [{ issuer: 'https://idp.test', jwksUri }] },
});
const service = (app: string, ip: string): unknown[] => [
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: app, namespace: 'shop' },
    spec: { clusterIP: `10.96.0.${ip}`, selector: { app }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
  },
  {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: app, namespace: 'shop', labels: { app } },
    spec: { serviceAccountName: 'default', containers: [] },
    status: { phase: 'Running', podIP: `10.0.0.${ip}`, conditions: [{ type: 'Ready', status: 'True' }] },
  },
  {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: app, namespace: 'shop', labels: { 'kubernetes.io/service-name': app } },
    addressType: 'IPv4',
    endpoints: [
      {
        addresses: [`10.0.0.${ip}`],
        conditions: { ready: true },
        targetRef: { kind: 'Pod', name: app, namespace: 'shop' },
      },
    ],
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
  },
];
const defaults = Object.fromEntries(
  Object.entries(jwksSettings()).map(([name, { value }]) => [name, value]),
) as unknown as Omit<Parameters<typeof createKeySetSource>[0], 'observability'>;

describe.each(['sotw', 'delta'] as const)('keys that verify tokens, %s', (variant) => {
  let server: KeyServer;
  let rig: Rig;
  const clock = createManualClock();
  const keys = { web: newKeySet('first'), api: newKeySet('other') };
  /** Requests that are not answered yet; undefined: all are answered at once. */
  let held: (() => void)[] | undefined;
  beforeEach(async () => {
    [keys.web, held] = [newKeySet('first'), undefined];
    server = await startKeyServer(({ url }, response) => {
      const answer = (): void => void response.end(url === '/web' ? keys.web : keys.api);
      if (held) held.push(answer);
      else answer();
    });
  });
  afterEach(async () => {
    server.close();
    await rig.close();
  });
  const open = async (objects: readonly unknown[]): Promise<void> => {
    rig = await openPilot({
      objects: [...service('web', '1'), ...service('api', '2'), ...objects],
      keySets: createKeySetSource({
        ...defaults,
        jwksAllowedAddresses: ['127.0.0.1/32'],
        observability: noObservability,
        clock,
      }),
    });
  };
  const connect = (name: string, ip: string) =>
    rig.connect({
      variant,
      type: 'sidecar',
      name,
      ip: `10.0.0.${ip}`,
      metadata: { LABELS: { app: name }, NAMESPACE: 'shop' },
    });

  it('are there from the first answer, and new ones are sent to the proxies that use them alone', async () => {
    await open([policy('web', 'web', `${server.url}/web`), policy('api', 'api', `${server.url}/api`)]);
    const [web, api] = [await connect('web', '1'), await connect('api', '2')];
    web.ask(listenerType, []);
    api.ask(listenerType, []);
    expect((await web.next()).text).toContain('"kid":"first"');
    expect((await api.next()).text).toContain('"kid":"other"');
    keys.web = newKeySet('second');
    clock.advance(2 * refreshMs);
    const pushed = await web.next();
    expect([pushed.typeUrl, pushed.text.includes('"kid":"second"')]).toEqual([listenerType, true]);
    expect(await api.settled()).toEqual([]);
    expect(rig.problems()).toEqual([]);
  });

  it('hold up no push: tokens are refused until they come, and everything else is in force', async () => {
    await open([]);
    const web = await connect('web', '1');
    web.ask(listenerType, []);
    await web.next();
    held = [];
    await rig.put([policy('web', 'web', `${server.url}/web`)]);
    const refusing = await web.nextWith('jwt_authn');
    expect(refusing.text).not.toContain('"kid":"first"');
    await server.received(1);
    held[0]?.();
    expect((await web.nextWith('"kid":"first"')).typeUrl).toBe(listenerType);
  });

  it('that cannot be had are a problem, with the object and what to do', async () => {
    await open([policy('web', 'web', 'http://user:secret@169.254.169.254/keys?secret')]);
    expect(rig.problems()).toMatchObject([
      {
        code: 'jwks-unavailable',
        level: 'error',
        url: 'http://169.254.169.254/keys',
        objects: ['request-authentications shop/web'],
        message: expect.stringMatching(/address of its host is refused.*--jwks-allowed-addresses/) as string,
      },
    ]);
    expect(JSON.stringify(rig.problems())).not.toContain('secret');
    await rig.put([policy('web', 'web', `${server.url}/web`)]);
    const web = await connect('web', '1');
    web.ask(listenerType, []);
    await web.nextWith('"kid":"first"');
    expect(rig.problems()).toEqual([]);
  });
});
