import { describe, expect, it } from 'vitest';
import { credentialSecret } from './sds.ts';

const from = (name: string, hasSocket = false): string => {
  const { name: asked, sdsConfig } = credentialSecret(name, hasSocket);
  return `${asked ?? ''} from ${sdsConfig?.apiConfigSource?.grpcServices?.[0]?.envoyGrpc?.clusterName ?? 'pilot'}`;
};

describe('a credentialName', () => {
  it('means a Kubernetes secret unless it says what it means', () => {
    expect(from('x')).toBe('kubernetes://x from pilot');
    expect(from('ns/x')).toBe('kubernetes://ns/x from pilot');
    expect(from('kubernetes://x')).toBe('kubernetes://x from pilot');
    expect(from('kubernetes-gateway://ns/x')).toBe('kubernetes-gateway://ns/x from pilot');
  });

  it("means the workload's own by `builtin://`", () => {
    expect(from('builtin://')).toBe('default from sds-grpc');
    expect(from('builtin://-cacert')).toBe('ROOTCA from sds-grpc');
  });

  it('means what a socket serves only to a proxy that has one', () => {
    expect(from('sds://x', true)).toBe('sds://x from sds-external');
    expect(from('sds://x')).toBe('kubernetes://sds://x from pilot');
    expect(from('x', true)).toBe('kubernetes://x from pilot');
  });
});
