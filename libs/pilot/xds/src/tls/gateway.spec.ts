import { describe, expect, it } from 'vitest';
import type { ServerTLSSettings } from '@flotilla/model';
import { createWorldStore, parseProxy, worldQuery } from '@flotilla/pilot-world';
import { toJson } from '@flotilla/proto-gen/json';
import { Engine, Subject } from '@flotilla/query';
import { gatewayTls } from './gateway.ts';

interface Context {
  readonly requireClientCertificate?: boolean;
  readonly commonTlsContext: Readonly<Record<string, unknown>> & {
    readonly tlsCertificateSdsSecretConfigs?: readonly { readonly name: string }[];
    readonly combinedValidationContext?: {
      readonly defaultValidationContext: unknown;
      readonly validationContextSdsSecretConfig: { readonly name: string };
    };
  };
}

/** The context of a server's TLS on a gateway with this metadata: names of secrets in place of their sources. */
function contextOf(tls: ServerTLSSettings, metadata: Record<string, unknown> = {}): Record<string, unknown> {
  const proxy = parseProxy({ id: 'router~10.0.0.1~gw.ns~ns.svc.cluster.local', metadata });
  if (!proxy.ok) throw new Error(proxy.error);
  const query = worldQuery('tls-of-spec', (view) => gatewayTls(view, tls, ['h2']));
  const { typedConfig } = new Engine(createWorldStore()).read(query, '', new Subject({ ...proxy.value }));
  const { commonTlsContext, requireClientCertificate } = toJson(
    typedConfig?.type_url ?? '',
    typedConfig?.value as Uint8Array,
  ) as unknown as Context;
  const {
    tlsCertificateSdsSecretConfigs: shows,
    combinedValidationContext: combined,
    validationContext,
  } = commonTlsContext;
  return {
    shows: shows?.map(({ name }) => name).join(),
    required: requireClientCertificate,
    ...(combined
      ? { roots: combined.validationContextSdsSecretConfig.name, expects: combined.defaultValidationContext }
      : {}),
    ...(validationContext ? { validationContext } : {}),
  };
}

describe("the TLS of a gateway's server", () => {
  const files: ServerTLSSettings = { serverCertificate: '/cert', privateKey: '/key', caCertificates: '/ca' };
  const names = { subjectAltNames: ['a'], verifyCertificateSpki: ['s'], verifyCertificateHash: ['h'] };

  it('of SIMPLE checks nobody; names that come with a credential are passed on', () => {
    expect(contextOf({ mode: 'SIMPLE', credentialName: 'c', ...names })).toEqual({
      shows: 'kubernetes://c',
      required: false,
      validationContext: { matchSubjectAltNames: [{ exact: 'a' }] },
    });
    expect(contextOf({ mode: 'SIMPLE', ...files, ...names })).toEqual({
      shows: 'file-cert:/cert~/key',
      required: false,
    });
  });

  it('of MUTUAL and OPTIONAL_MUTUAL checks by roots; fingerprints count beside a credential', () => {
    const expects = {
      matchSubjectAltNames: [{ exact: 'a' }],
      verifyCertificateSpki: ['s'],
      verifyCertificateHash: ['h'],
    };
    expect(contextOf({ mode: 'MUTUAL', credentialName: 'c', ...names })).toEqual({
      shows: 'kubernetes://c',
      required: true,
      roots: 'kubernetes://c-cacert',
      expects,
    });
    expect(contextOf({ mode: 'OPTIONAL_MUTUAL', credentialName: 'c' })).toEqual({
      shows: 'kubernetes://c',
      required: false,
      roots: 'kubernetes://c-cacert',
      expects: {},
    });
    expect(contextOf({ mode: 'OPTIONAL_MUTUAL', ...files, ...names })).toEqual({
      shows: 'file-cert:/cert~/key',
      required: false,
      roots: 'file-root:/ca',
      expects: { matchSubjectAltNames: [{ exact: 'a' }] },
    });
  });

  it("takes the workload's own for files that aren't named", () => {
    expect(contextOf({ mode: 'MUTUAL', serverCertificate: '/cert' })).toEqual({
      shows: 'default',
      required: true,
      roots: 'ROOTCA',
      expects: {},
    });
  });

  it("of ISTIO_MUTUAL is the workload's, in files where the proxy says so, whatever credential is named", () => {
    expect(contextOf({ mode: 'ISTIO_MUTUAL', credentialName: 'c', ...names })).toEqual({
      shows: 'default',
      required: true,
      roots: 'ROOTCA',
      expects: { matchSubjectAltNames: [{ exact: 'a' }] },
    });
    expect(
      contextOf(
        { mode: 'ISTIO_MUTUAL' },
        { TLS_SERVER_CERT_CHAIN: '/c', TLS_SERVER_KEY: '/k', TLS_SERVER_ROOT_CERT: '/r' },
      ),
    ).toEqual({ shows: 'file-cert:/c~/k', required: true, roots: 'file-root:/r', expects: {} });
  });
});
