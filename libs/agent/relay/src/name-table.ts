import { envoy, istio } from '@flotilla/proto-gen/discovery';

const { DiscoveryRequest, DiscoveryResponse, DeltaDiscoveryRequest, DeltaDiscoveryResponse } =
  envoy.service.discovery.v3;
export const nameTableType = 'type.googleapis.com/istio.networking.nds.v1.NameTable';
export type NameTable = istio.networking.nds.v1.INameTable;
export type Variant = 'sotw' | 'delta';

/** The agent's own subscription on a proxy's stream. */
export const subscribeBytes = (variant: Variant): Buffer =>
  Buffer.from(
    (variant === 'sotw' ? DiscoveryRequest : DeltaDiscoveryRequest).encode({ typeUrl: nameTableType }).finish(),
  );

/** A response with name tables and the bytes that acknowledge it. Throws for malformed bytes. */
export function readNameTables(
  variant: Variant,
  bytes: Uint8Array,
): { readonly tables: readonly NameTable[]; readonly ack: Buffer } {
  const decode = (value: Uint8Array | string | null | undefined): NameTable =>
    istio.networking.nds.v1.NameTable.decode((value ?? new Uint8Array()) as Uint8Array);
  if (variant === 'sotw') {
    const { resources, versionInfo, nonce } = DiscoveryResponse.decode(bytes);
    const ack = DiscoveryRequest.encode({ typeUrl: nameTableType, versionInfo, responseNonce: nonce }).finish();
    return { tables: resources.map(({ value }) => decode(value)), ack: Buffer.from(ack) };
  }
  const { resources, nonce } = DeltaDiscoveryResponse.decode(bytes);
  return {
    tables: resources.map(({ resource }) => decode(resource?.value)),
    ack: Buffer.from(DeltaDiscoveryRequest.encode({ typeUrl: nameTableType, responseNonce: nonce }).finish()),
  };
}
