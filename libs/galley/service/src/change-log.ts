import { keyOf, kinds, type Batch, type ObjectKey } from '@flotilla/model';
import type { Logger } from '@flotilla/observability-port';

/** The most objects that one line names. */
const maxNamed = 10;

/** Collections that people write: Istio's kinds and the mesh's settings. Pods and endpoints change by themselves. */
const written = new Map<string, string>([
  ...kinds
    .filter(({ group }) => group.endsWith('.istio.io'))
    .map(({ collection, kind }) => [collection, kind] as const),
  ['mesh-config', 'MeshConfig'],
  ['mesh-networks', 'MeshNetworks'],
]);

/** Logs the changes of a batch: at info those of objects that people write, at debug all. */
export function logChanges(log: Logger, { put, delete: gone }: Batch): void {
  const changed = put.map(({ resource: { collection, meta } }) => ({ collection, key: keyOf(meta) }));
  const named = (objects: readonly { readonly collection: string; readonly key: ObjectKey }[]): readonly string[] =>
    objects.flatMap(({ collection, key }) => {
      const kind = written.get(collection);
      return kind === undefined ? [] : `${kind} ${key.namespace === '' ? key.name : `${key.namespace}/${key.name}`}`;
    });
  const [changedByPeople, goneByPeople] = [named(changed), named(gone)];
  const isByPeople = changedByPeople.length + goneByPeople.length > 0;
  const fields = {
    ...listed('changed', changedByPeople),
    ...listed('removed', goneByPeople),
    ...(isByPeople ? {} : { put: put.length, deleted: gone.length }),
  };
  if (isByPeople) log.info('configuration published', fields);
  else if (put.length + gone.length > 0) log.debug('state of the cluster published', fields);
}

const listed = (name: string, objects: readonly string[]): Readonly<Record<string, unknown>> =>
  objects.length === 0
    ? {}
    : {
        [name]: objects.slice(0, maxNamed),
        ...(objects.length > maxNamed ? { [`${name}More`]: objects.length - maxNamed } : {}),
      };
