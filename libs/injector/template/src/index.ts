import { buildGateway } from './gateway.ts';
import { buildGrpcAgent } from './grpc-agent.ts';
import { buildGrpcSimple } from './grpc-simple.ts';
import type { Template } from './input.ts';
import { buildSidecar } from './sidecar.ts';

export type { Container, EnvVar, PodMeta, PodObject, PodOverlay, PodSpec, Probe, Strings, Volume } from './pod.ts';
export {
  configOf,
  parseInjectionConfig,
  type InjectionConfig,
  type ParsedInjectionConfig,
} from './injection-config.ts';
export { type Values, defaultValues, parseInstalledValues, parseValues } from './values.ts';
export { proxyContainerName, type Template, type TemplateInput } from './input.ts';
/** Templates for the Deployments that Gateway API objects are turned into; no pod can ask for them. */
const notForPods =
  (name: string): Template =>
  () => {
    throw new Error(`template ${name} is for Gateways of the Gateway API, not for pods`);
  };
/** The templates there are, by the name that `inject.istio.io/templates` gives. */
export const templates: Readonly<Record<string, Template>> = {
  gateway: buildGateway,
  'grpc-agent': buildGrpcAgent,
  'grpc-simple': buildGrpcSimple,
  'kube-gateway': notForPods('kube-gateway'),
  sidecar: buildSidecar,
  waypoint: notForPods('waypoint'),
};
