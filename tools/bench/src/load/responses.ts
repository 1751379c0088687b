import { fieldsOf, textAt } from './fields.ts';
import type { Variant, XdsType } from '../result.ts';

const prefix = 'type.googleapis.com/envoy.config.';
export const typeUrls: Readonly<Record<XdsType, string>> = {
  cds: `${prefix}cluster.v3.Cluster`,
  eds: `${prefix}endpoint.v3.ClusterLoadAssignment`,
  lds: `${prefix}listener.v3.Listener`,
  rds: `${prefix}route.v3.RouteConfiguration`,
};
const kinds = new Map(Object.entries(typeUrls).map(([type, url]) => [url, type as XdsType]));

/** A response, as far as a sidecar looks into it. Names of resources are told in delta only. */
export interface Response {
  readonly type: XdsType;
  readonly nonce: string;
  readonly version: string;
  readonly resources: readonly { readonly name?: string; readonly bytes: Buffer }[];
  readonly removed: readonly string[];
}

const anyValue = 2;
const valueOf = (message: Buffer): Buffer => {
  for (const { number, bytes } of fieldsOf(message)) if (number === anyValue && bytes) return bytes;
  return Buffer.alloc(0);
};
/** envoy.service.discovery.v3.Resource */
const deltaResource = { resource: 2, name: 3 };

/**
 * envoy.service.discovery.v3.DiscoveryResponse and DeltaDiscoveryResponse, whose field numbers agree. Throws for a type
 * that a sidecar does not ask for.
 */
export function readResponse(message: Buffer, variant: Variant): Response {
  const [resources, removed]: [Response['resources'][number][], string[]] = [[], []];
  const texts = ['', '', '', '', '', ''];
  for (const { number, bytes } of fieldsOf(message)) {
    if (!bytes) continue;
    if (number === 2) resources.push(variant === 'sotw' ? { bytes: valueOf(bytes) } : resourceOf(bytes));
    else if (number === 6) removed.push(bytes.toString());
    else texts[number] = bytes.toString();
  }
  const [, version = '', , , typeUrl = '', nonce = ''] = texts;
  const type = kinds.get(typeUrl);
  if (!type) throw new Error(`a response of type ${typeUrl} that was not requested`);
  return { type, nonce, version, resources, removed };
}

function resourceOf(message: Buffer): Response['resources'][number] {
  for (const { number, bytes } of fieldsOf(message))
    if (number === deltaResource.resource && bytes)
      return { name: textAt(message, [deltaResource.name]), bytes: valueOf(bytes) };
  return { name: textAt(message, [deltaResource.name]), bytes: Buffer.alloc(0) };
}
