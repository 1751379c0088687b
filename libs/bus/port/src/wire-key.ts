import type { flotilla } from '@flotilla/proto-gen/bus';
import { objectKey, type ObjectKey } from '@flotilla/model';

export type WireKey = flotilla.bus.v1.IObjectKey;

export const keyToWire = ({ cluster, namespace, name }: ObjectKey): WireKey => ({ cluster, namespace, name });
/** Absent fields are empty. */
export const keyFromWire = (key: WireKey | null | undefined): ObjectKey =>
  objectKey({ cluster: key?.cluster ?? '', namespace: key?.namespace ?? '', name: key?.name ?? '' });

/** How many characters a key has. */
export const lengthOf = ({ cluster, namespace, name }: ObjectKey): number =>
  cluster.length + namespace.length + name.length;
