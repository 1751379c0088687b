import { buildCsr, generateKey, keyToPem, type KeyAndCertificate } from '@flotilla/pki';
import { requestCertificate } from '@flotilla/runtime/certificate';

/** Where the CA is, and what it must prove. */
export interface CaPlace {
  readonly address: string;
  readonly roots: string;
  readonly service: 'citadel' | 'istiod';
}
export const caOf = ({ address, roots, service }: CaPlace) => ({
  address,
  roots,
  host: 'istio-citadel.istio-system.svc',
  identity: `spiffe://cluster.local/ns/istio-system/sa/${service}`,
});

/** A workload's certificate, as its agent gets it with the pod's token. Rejects with gRPC's error. */
export async function certificateFor(ca: CaPlace, token: string): Promise<KeyAndCertificate> {
  const key = generateKey();
  const chain = await requestCertificate(caOf(ca), { csr: buildCsr(key, {}), token });
  return { key: keyToPem(key), cert: chain[0] ?? '', roots: ca.roots };
}
