import { describe, expect, it } from 'vitest';
import { Mesh, messagesIn, workload } from './mesh.fixture.ts';

const peers = (mode: string, namespace = 'shop'): string => `
apiVersion: security.istio.io/v1beta1
kind: PeerAuthentication
metadata: {name: default, namespace: ${namespace}}
spec: {mtls: {mode: ${mode}}}
---`;
/** A key for tokens, as an issuer publishes it (RFC 7517). */
const jwks = '{"keys":[{"kty":"oct","kid":"k1","k":"c2VjcmV0"}]}';
const tokens = (issuer: string): string => `
apiVersion: security.istio.io/v1beta1
kind: RequestAuthentication
metadata: {name: jwt, namespace: shop}
spec: {jwtRules: [{issuer: ${issuer}, jwks: '${jwks}'}]}
---`;

describe.each(['sotw', 'delta'] as const)('authentication (%s)', (variant) => {
  const open = (config: string): Promise<Mesh> =>
    Mesh.open({ config: workload + config, proxy: { variant, type: 'sidecar', name: 'web' } });
  /** The protocols that the filter chains of the service's port accept: `tls`, `raw_buffer`, or '' for any. */
  const transports = (mesh: Mesh): readonly string[] => {
    const chains = messagesIn(mesh.get('lds', 'virtualInbound'), 'filterChainMatch');
    const ours = chains.filter(({ destinationPort }) => destinationPort === 8080);
    return [...new Set(ours.map(({ transportProtocol }) => String(transportProtocol ?? '')))].sort();
  };

  it('a service accepts mTLS and plaintext until a PeerAuthentication says otherwise', async () => {
    const mesh = await open('');
    expect(transports(mesh)).toEqual(['raw_buffer', 'tls']);
    await mesh.write(workload + peers('STRICT'));
    expect(transports(mesh)).not.toContain('raw_buffer');
    await mesh.write(workload + peers('DISABLE'));
    expect(transports(mesh)).not.toContain('tls');
  });

  it('the PeerAuthentication of a namespace takes precedence over that of the mesh', async () => {
    const mesh = await open(peers('STRICT', 'istio-system'));
    expect(transports(mesh)).not.toContain('raw_buffer');
    await mesh.write(workload + peers('STRICT', 'istio-system') + peers('PERMISSIVE'));
    expect(transports(mesh)).toEqual(['raw_buffer', 'tls']);
  });

  it('tokens of the issuers that a RequestAuthentication names are verified', async () => {
    const mesh = await open(tokens('https://one.test'));
    expect(mesh.httpFilters('virtualInbound')).toContain('envoy.filters.http.jwt_authn');
    expect(JSON.stringify(mesh.get('lds', 'virtualInbound'))).toContain('"issuer":"https://one.test"');
    await mesh.write(workload + tokens('https://two.test'));
    expect(JSON.stringify(mesh.get('lds', 'virtualInbound'))).toContain('"issuer":"https://two.test"');
    await mesh.write(workload);
    expect(mesh.httpFilters('virtualInbound')).not.toContain('envoy.filters.http.jwt_authn');
  });
});
