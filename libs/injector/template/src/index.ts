import { buildGateway } from './gateway.ts';
import type { Template } from './input.ts';
import { buildSidecar } from './sidecar.ts';

export * from './pod.ts';
export * from './values.ts';
export { proxyContainerName, type Template, type TemplateInput } from './input.ts';
/** The templates there are, by the name that `inject.istio.io/templates` gives. */
export const templates: Readonly<Record<string, Template>> = { gateway: buildGateway, sidecar: buildSidecar };
