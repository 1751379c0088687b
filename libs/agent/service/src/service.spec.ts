import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readSettings, splitAddress } from './agent-settings.ts';
import { activeConnections, parsePodInfo } from './index.ts';

describe("the downward API's files", () => {
  it('give keys and unquoted values', () => {
    expect(parsePodInfo('app="web"\nnote="a \\"b\\" \\\\ \\x41\\u00e9\\U0001F600\\n"\nbroken\n=x\n')).toEqual({
      app: 'web',
      note: 'a "b" \\ Aé😀\n',
    });
  });
  it('are read without throwing, whatever the text', () =>
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        parsePodInfo(text);
      }),
    ));
  it('give back what was quoted', () =>
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (value) => {
        expect(parsePodInfo(`key=${JSON.stringify(value)}`)).toEqual({ key: value });
      }),
      { examples: [['\u2028'], ['a\u2029b']] },
    ));
});

it("roots are those of the certificate provider, or the system's", () => {
  expect(readSettings({}).caRootFile).toBe('./var/run/secrets/istio/root-cert.pem');
  expect(readSettings({ PILOT_CERT_PROVIDER: 'kubernetes' }).xdsRootFile).toBe(
    './var/run/secrets/kubernetes.io/serviceaccount/ca.crt',
  );
  expect(readSettings({ CA_ROOT_CA: 'SYSTEM', XDS_ROOT_CA: '/x.pem' })).toMatchObject({ xdsRootFile: '/x.pem' });
  expect(readSettings({ CA_ROOT_CA: 'SYSTEM' }).caRootFile).toBeUndefined();
});
it("times and ratios outside their bounds fall back to Istio's", () => {
  expect(readSettings({ SECRET_TTL: 'soon', SECRET_GRACE_PERIOD_RATIO: '7' })).toMatchObject({
    secretTtlSeconds: 86_400,
    graceRatio: 0.5,
  });
  expect(readSettings({ SECRET_TTL: '1h30m', SECRET_GRACE_PERIOD_RATIO: '0.2' })).toMatchObject({
    secretTtlSeconds: 5400,
    graceRatio: 0.2,
  });
});
it('truth values are those of Go', () => {
  const names = { EXIT_ON_ZERO_ACTIVE_CONNECTIONS: 'T', ISTIO_META_DNS_CAPTURE: '1' };
  expect(readSettings(names)).toMatchObject({ exitOnZeroActiveConnections: true, dnsCapture: true });
  expect(readSettings({ EXIT_ON_ZERO_ACTIVE_CONNECTIONS: 'yes' }).exitOnZeroActiveConnections).toBe(false);
});
it('addresses split at their port', () => {
  expect(splitAddress('localhost:15053', '::1')).toEqual({ address: '::1', port: 15053 });
  expect(splitAddress('[::1]:53', '127.0.0.1')).toEqual({ address: '::1', port: 53 });
});
it("connections of applications are counted without admin, workers and the agent's listeners", () => {
  expect(
    activeConnections(
      'listener.0.0.0.0_15006.downstream_cx_active: 2\nlistener.0.0.0.0_15006.worker_0.downstream_cx_active: 2\nlistener.admin.downstream_cx_active: 1\nlistener.0.0.0.0_15021.downstream_cx_active: 4\nlistener.10.1.1.1_80.downstream_cx_active: 3\n',
    ),
  ).toBe(5);
});
