import { readJson } from '@flotilla/std';
import { annotationOr, hasAnnotation, type TemplateInput } from './input.ts';
import type { Volume } from './pod.ts';

interface Mount {
  readonly name: string;
  readonly mountPath: string;
  readonly readOnly?: boolean;
  readonly [field: string]: unknown;
}
const mount = (name: string, mountPath: string, readOnly = false): Mount => ({
  name,
  mountPath,
  ...(readOnly ? { readOnly } : {}),
});
const isGke = ({ values }: TemplateInput): boolean => values.global.caName === 'GkeWorkloadCertificate';
const overridden = (input: TemplateInput, kind: string): boolean =>
  kind === 'sidecar' && hasAnnotation(input, 'sidecar.istio.io/bootstrapOverride');

const usesLightstepTls = ({ values, proxyConfig }: TemplateInput, kind: string): boolean =>
  kind === 'sidecar' && values.global.proxy.tracer === 'lightstep' && proxyConfig.tracing?.tlsSettings !== undefined;
const folderOf = (path: string): string => path.slice(0, path.lastIndexOf('/') + 1);

/** The proxy of an application, that of a gateway, or an agent without Envoy beside a gRPC application. */
export type ProxyKind = 'sidecar' | 'router' | 'grpc';

/** Where istio-proxy finds sockets, tokens, roots and what the pod says of itself. */
export function proxyMounts(input: TemplateInput, kind: ProxyKind): Mount[] {
  const { pilotCertProvider, jwtPolicy, mountMtlsCerts } = input.values.global;
  return [
    mount('workload-socket', '/var/run/secrets/workload-spiffe-uds'),
    ...(kind === 'grpc' ? [] : [mount('credential-socket', '/var/run/secrets/credential-uds')]),
    certificateMount(input),
    ...(pilotCertProvider === 'istiod' ? [mount('istiod-ca-cert', '/var/run/secrets/istio')] : []),
    ...(pilotCertProvider === 'kubernetes' && kind === 'sidecar'
      ? [mount('kube-ca-cert', '/var/run/secrets/istio/kubernetes')]
      : []),
    mount('istio-data', '/var/lib/istio/data'),
    ...(overridden(input, kind) ? [mount('custom-bootstrap-volume', '/etc/istio/custom-bootstrap')] : []),
    mount(kind === 'grpc' ? 'istio-xds' : 'istio-envoy', '/etc/istio/proxy'),
    ...(jwtPolicy === 'third-party-jwt' ? [mount('istio-token', '/var/run/secrets/tokens')] : []),
    ...(mountMtlsCerts ? [mount('istio-certs', '/etc/certs/', true)] : []),
    mount('istio-podinfo', '/etc/istio/pod'),
    ...(usesLightstepTls(input, kind)
      ? [mount('lightstep-certs', folderOf(input.proxyConfig.tracing?.tlsSettings?.caCertificates ?? ''), true)]
      : []),
    ...(kind === 'router' ? [] : userMounts(input)),
  ];
}

export const userMounts = (input: TemplateInput): Mount[] =>
  userItems(input, 'sidecar.istio.io/userVolumeMount') as Mount[];
/** The workload's certificate and key. */
export const certificateMount = (input: TemplateInput): Mount =>
  isGke(input)
    ? mount('gke-workload-certificate', '/var/run/secrets/workload-spiffe-credentials', true)
    : mount('workload-certs', '/var/run/secrets/workload-spiffe-credentials');

export function proxyVolumes(input: TemplateInput, kind: ProxyKind): Volume[] {
  const { pilotCertProvider, jwtPolicy, mountMtlsCerts, sds } = input.values.global;
  const empty = (name: string): Volume => (kind === 'router' ? { name, emptyDir: {} } : { name });
  const account = input.pod.spec.serviceAccountName ?? '';
  const info = ['labels', 'annotations'].map((path) => ({ path, fieldRef: { fieldPath: `metadata.${path}` } }));
  return [
    empty('workload-socket'),
    ...(kind === 'grpc' ? [] : [empty('credential-socket')]),
    isGke(input)
      ? { name: 'gke-workload-certificate', csi: { driver: 'workloadcertificates.security.cloud.google.com' } }
      : empty('workload-certs'),
    ...(kind !== 'router' && hasAnnotation(input, 'sidecar.istio.io/bootstrapOverride')
      ? [
          {
            name: 'custom-bootstrap-volume',
            configMap: { name: annotationOr(input, 'sidecar.istio.io/bootstrapOverride', '') },
          },
        ]
      : []),
    { name: kind === 'grpc' ? 'istio-xds' : 'istio-envoy', emptyDir: { medium: 'Memory' } },
    { name: 'istio-data', emptyDir: {} },
    { name: 'istio-podinfo', downwardAPI: { items: info } },
    ...(jwtPolicy === 'third-party-jwt'
      ? [
          {
            name: 'istio-token',
            projected: {
              sources: [
                { serviceAccountToken: { path: 'istio-token', expirationSeconds: 43_200, audience: sds.token.aud } },
              ],
            },
          },
        ]
      : []),
    ...(pilotCertProvider === 'istiod' ? [{ name: 'istiod-ca-cert', configMap: { name: 'istio-ca-root-cert' } }] : []),
    ...(pilotCertProvider === 'kubernetes' && kind === 'sidecar'
      ? [{ name: 'kube-ca-cert', configMap: { name: 'kube-root-ca.crt' } }]
      : []),
    ...(mountMtlsCerts
      ? [
          {
            name: 'istio-certs',
            secret: { optional: true, secretName: account === '' ? 'istio.default' : `istio.${account}` },
          },
        ]
      : []),
    ...(kind === 'router' ? [] : (userItems(input, 'sidecar.istio.io/userVolume') as Volume[])),
    ...(usesLightstepTls(input, kind)
      ? [{ name: 'lightstep-certs', secret: { optional: true, secretName: 'lightstep.cacert' } }]
      : []),
  ];
}

/** Volumes and mounts that an annotation gives as a JSON object by name. Throws for any other text. */
function userItems(
  input: TemplateInput,
  annotation: string,
): { readonly name: string; readonly [field: string]: unknown }[] {
  const text = input.pod.metadata.annotations?.[annotation];
  if (text === undefined) return [];
  const read = readJson(text);
  if (!read.ok)
    throw new Error(
      `annotation ${annotation} is ${read.error.code === 'json-syntax' ? 'not JSON' : `too large: ${read.error.message}`}`,
    );
  if (typeof read.value !== 'object' || read.value === null)
    throw new Error(`annotation ${annotation} is not a JSON object or list`);
  return Object.entries(read.value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => ({ name, ...(value as object) }));
}
