import type { ObjectKey } from '@flotilla/model';
import { defineKey, type KeyOf } from '@flotilla/query';

interface ServiceFields {
  /** The Service or ServiceEntry. */
  readonly object: ObjectKey;
  readonly registry: 'Kubernetes' | 'External';
  /** Of a ServiceEntry, which makes a service for each of its hosts and addresses; else empty. */
  readonly hostname: string;
  readonly address: string;
}
/** A service by the object that makes it. */
export const serviceKey = defineKey<ServiceFields>()('object', 'registry', 'hostname', 'address');
export type ServiceKey = KeyOf<typeof serviceKey>;

/** What a Kubernetes Service makes. */
export const kubernetesServiceKey = (object: ObjectKey): ServiceKey =>
  serviceKey({ object, registry: 'Kubernetes', hostname: '', address: '' });

/** A hostname as one namespace has it, whichever objects and clusters make it. */
export const hostKey = defineKey<{ readonly hostname: string; readonly namespace: string }>()('hostname', 'namespace');
export type HostKey = KeyOf<typeof hostKey>;

interface PortFields {
  readonly hostname: string;
  readonly namespace: string;
  /** The port's name. */
  readonly port: string;
}
/** One port of a hostname of a namespace. */
export const portKey = defineKey<PortFields>()('hostname', 'port', 'namespace');
export type PortKey = KeyOf<typeof portKey>;
export const portKeyOf = (
  { hostname, namespace }: { readonly hostname: string; readonly namespace: string },
  { name }: { readonly name: string },
): PortKey => portKey({ hostname, namespace, port: name });

interface InstancesFields extends PortFields {
  readonly number: number;
}
/** One port of a hostname of a namespace, by its name and its number. */
const instancesKey = defineKey<InstancesFields>()('hostname', 'port', 'number', 'namespace');
export type InstancesKey = KeyOf<typeof instancesKey>;
export const instancesKeyOf = (
  { hostname, namespace }: { readonly hostname: string; readonly namespace: string },
  { name, port }: { readonly name: string; readonly port: number },
): InstancesKey => instancesKey({ hostname, namespace, port: name, number: port });
