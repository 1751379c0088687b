import type { MeshConfig, MeshProxyConfig } from '@flotilla/model';
import type { Container, PodObject, PodOverlay } from './pod.ts';
import type { Values } from './values.ts';

/** Everything that a template may read. */
export interface TemplateInput {
  readonly pod: PodObject;
  /** The workload that the pod belongs to, as far as its owner shows. */
  readonly owner: {
    readonly apiVersion: string;
    readonly kind: string;
    readonly name: string;
    readonly namespace: string;
  };
  readonly values: Values;
  readonly mesh: MeshConfig;
  /** The mesh's defaultConfig with the pod's annotation and ProxyConfig resources over it. */
  readonly proxyConfig: MeshProxyConfig;
  /** What of it differs from Istio's defaults, as JSON. */
  readonly proxyConfigJson: string;
  readonly revision: string;
  readonly proxyImage: string;
  readonly nativeSidecars: boolean;
  /** Probes of the application go to localhost: PILOT_ENABLE_INBOUND_PASSTHROUGH is off. */
  readonly legacyProbeDestination: boolean;
}

/** One template by name: data in, overlay out. */
export type Template = (input: TemplateInput) => PodOverlay;

export const proxyContainerName = 'istio-proxy';

/** An annotation, even an empty one, before the value. */
export const annotationOr = (
  { pod }: TemplateInput,
  name: string,
  value: string | number | boolean | undefined,
): string => pod.metadata.annotations?.[name] ?? String(value ?? '');
export const hasAnnotation = ({ pod }: TemplateInput, name: string): boolean =>
  pod.metadata.annotations?.[name] !== undefined;
export const appContainers = ({ pod }: TemplateInput): readonly Container[] =>
  pod.spec.containers.filter(({ name }) => name !== proxyContainerName);
/** The image of a container: what a value or annotation gives whole (it has a slash) wins over hub, name and tag. */
export const imageOf = (input: TemplateInput, fallback: string): string => {
  const given = annotationOr(input, 'sidecar.istio.io/proxyImage', fallback);
  return given.includes('/') ? given : input.proxyImage;
};
export const interceptionMode = (input: TemplateInput): string =>
  annotationOr(input, 'sidecar.istio.io/interceptionMode', input.proxyConfig.interceptionMode ?? 'REDIRECT');
export const trustDomain = ({ mesh, values }: TemplateInput): string => mesh.trustDomain || values.global.trustDomain;
