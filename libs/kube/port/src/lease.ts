import { isRecord, parseTimestamp } from '@flotilla/std';
import type { KubeApi } from './kube-api.ts';
import type { KubeName, KubeObject } from './kube-object.ts';
import { resources } from './resources.ts';

/**
 * The content of a Lease (Kubernetes API, LeaseSpec). Times are epoch milliseconds of the writer's clock, for people.
 */
export interface LeaseRecord {
  /** Empty when the Lease was released. */
  readonly holder: string;
  readonly durationSeconds: number;
  readonly acquireTime: number;
  readonly renewTime: number;
  /** How often the holder has changed. */
  readonly transitions: number;
}

/** A Lease as the API server has it. */
export interface Lease extends LeaseRecord {
  readonly object: KubeObject;
}

/** Undefined when it does not exist. Throws KubeError, like the others below. */
export async function getLease(api: KubeApi, name: KubeName): Promise<Lease | undefined> {
  const object = await api.get(resources.leases, name);
  return object && leaseOf(object);
}

/** Fails with Conflict (409) when it exists. */
export const createLease = async (api: KubeApi, name: KubeName, record: LeaseRecord): Promise<Lease> =>
  leaseOf(
    await api.create(resources.leases, {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { ...name },
      spec: specOf(record),
    }),
  );

/** Keeps everything else in the object. Fails with Conflict (409) when it was changed since it was read. */
export const replaceLease = async (api: KubeApi, { object }: Lease, record: LeaseRecord): Promise<Lease> =>
  leaseOf(
    await api.replace(resources.leases, {
      ...object,
      spec: { ...(isRecord(object['spec']) ? object['spec'] : {}), ...specOf(record) },
    }),
  );

function leaseOf(object: KubeObject): Lease {
  const spec = isRecord(object['spec']) ? object['spec'] : {};
  const { holderIdentity, leaseDurationSeconds, leaseTransitions, acquireTime, renewTime } = spec;
  return {
    holder: typeof holderIdentity === 'string' ? holderIdentity : '',
    durationSeconds: numberOf(leaseDurationSeconds),
    acquireTime: timeOf(acquireTime),
    renewTime: timeOf(renewTime),
    transitions: numberOf(leaseTransitions),
    object,
  };
}

const specOf = ({ holder, durationSeconds, acquireTime, renewTime, transitions }: LeaseRecord): object => ({
  holderIdentity: holder,
  leaseDurationSeconds: durationSeconds,
  acquireTime: microTime(acquireTime),
  renewTime: microTime(renewTime),
  leaseTransitions: transitions,
});

const numberOf = (value: unknown): number => (typeof value === 'number' ? value : 0);
const timeOf = (value: unknown): number => (typeof value === 'string' ? parseTimestamp(value) : undefined) ?? 0;
/** Kubernetes' MicroTime: RFC 3339 with six digits after the decimal point. */
const microTime = (ms: number): string => new Date(ms).toISOString().replace('Z', '000Z');
