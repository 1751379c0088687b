import { isHttp, isTcp, type Protocol } from '@flotilla/rules';
import type { MtlsMode } from '../authn/mtls-mode.ts';

/** How a listener treats a port: HTTP, plain bytes, or whichever the client speaks. */
export type ListenerProtocol = 'http' | 'tcp' | 'auto';
export const listenerProtocol = (protocol: Protocol): ListenerProtocol =>
  isHttp(protocol) ? 'http' : isTcp(protocol) ? 'tcp' : 'auto';

/** One inbound chain: what it matches, whether it is mTLS, and what it carries. */
export interface ChainOption {
  readonly transportProtocol?: 'tls' | 'raw_buffer';
  readonly applicationProtocols?: readonly string[];
  readonly mtls: boolean;
  readonly carries: 'http' | 'tcp';
}

const mtlsHttp = ['istio-http/1.0', 'istio-http/1.1', 'istio-h2'];
const plainHttp = ['http/1.1', 'h2c'];
const mtlsTcp = ['istio-peer-exchange', 'istio'];
const mtlsAll = ['istio', 'istio-peer-exchange', ...mtlsHttp];

/**
 * The chains of an inbound port by its mTLS mode, in Istio's order. Clients of the mesh say by ALPN whether they found
 * HTTP; PERMISSIVE also takes plain text, and TLS that isn't the mesh's as opaque bytes.
 */
export function chainOptions(mode: MtlsMode, protocol: ListenerProtocol): readonly ChainOption[] {
  const tls = 'tls' as const;
  const raw = 'raw_buffer' as const;
  switch (protocol) {
    case 'http':
      return [
        ...(mode === 'STRICT' ? [{ transportProtocol: tls, mtls: true, carries: 'http' as const }] : []),
        ...(mode === 'PERMISSIVE'
          ? [{ transportProtocol: tls, applicationProtocols: mtlsAll, mtls: true, carries: 'http' as const }]
          : []),
        ...(mode !== 'STRICT' ? [{ transportProtocol: raw, mtls: false, carries: 'http' as const }] : []),
      ];
    case 'tcp':
      return [
        ...(mode === 'STRICT' ? [{ transportProtocol: tls, mtls: true, carries: 'tcp' as const }] : []),
        ...(mode === 'PERMISSIVE'
          ? [
              { transportProtocol: tls, applicationProtocols: mtlsAll, mtls: true, carries: 'tcp' as const },
              { transportProtocol: raw, mtls: false, carries: 'tcp' as const },
              { transportProtocol: tls, mtls: false, carries: 'tcp' as const },
            ]
          : []),
        ...(mode === 'DISABLE' ? [{ transportProtocol: raw, mtls: false, carries: 'tcp' as const }] : []),
      ];
    case 'auto':
      return [
        ...(mode !== 'DISABLE'
          ? [{ transportProtocol: tls, applicationProtocols: mtlsHttp, mtls: true, carries: 'http' as const }]
          : []),
        ...(mode !== 'STRICT'
          ? [{ transportProtocol: raw, applicationProtocols: plainHttp, mtls: false, carries: 'http' as const }]
          : []),
        ...(mode === 'STRICT' ? [{ transportProtocol: tls, mtls: true, carries: 'tcp' as const }] : []),
        ...(mode === 'PERMISSIVE'
          ? [
              { transportProtocol: tls, applicationProtocols: mtlsTcp, mtls: true, carries: 'tcp' as const },
              { transportProtocol: raw, mtls: false, carries: 'tcp' as const },
              { transportProtocol: tls, mtls: false, carries: 'tcp' as const },
            ]
          : []),
        ...(mode === 'DISABLE' ? [{ transportProtocol: raw, mtls: false, carries: 'tcp' as const }] : []),
      ];
  }
}
