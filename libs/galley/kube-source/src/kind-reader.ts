import { keyOfName, meshKeys, readMeshData, splitDocument } from '@flotilla/galley-pipeline';
import { resources, type KubeObject, type KubeResource, type Selection, type WatchEvent } from '@flotilla/kube-port';
import {
  meshObjectKey,
  type ClusterOrigin,
  type Installation,
  type KindInfo,
  type LocatedProblem,
  type ObjectId,
  type Scope,
  type SourceEvent,
} from '@flotilla/model';
import { nameOfRevision } from '@flotilla/rules';

export type ReadableEvent = Exclude<WatchEvent, { readonly type: 'away' | 'back' }>;

/** Turns the events of one watch into events for galley. */
export interface KindReader {
  readonly resource: KubeResource;
  readonly selection: Selection;
  readonly scopes: readonly Scope[];
  /** `isFirst`: this run has not listed anything before. */
  read(event: ReadableEvent, isFirst: boolean): { readonly cause: string; readonly events: readonly SourceEvent[] };
}

/** The reader of a kind whose objects are read as they are. */
export function kindReader(kind: KindInfo, installation: Installation): KindReader {
  const { group, versions, plural, clusterScoped = false, collection } = kind;
  const scope: Scope = { cluster: installation.clusterId, collection };
  const idOf = ({ metadata: { name, namespace = '' } }: KubeObject): ObjectId => ({
    ...scope,
    key: keyOfName({ collection, namespace, name }, installation.clusterId),
  });
  return {
    resource: { group, versions, plural, clusterScoped },
    selection: {},
    scopes: [scope],
    read(event, isFirst) {
      switch (event.type) {
        case 'listing':
          return { cause: `the list of ${plural}`, events: isFirst ? [] : [{ type: 'relist', ...scope }] };
        case 'synced':
          return { cause: `the list of ${plural}`, events: [{ type: 'synced', ...scope }] };
        case 'gone':
          return { cause: causeOf(event.object), events: [{ type: 'gone', ...idOf(event.object) }] };
        case 'found': {
          const { object } = event;
          const [{ problems } = { problems: [] }] = splitDocument(object, installation);
          return {
            cause: causeOf(object),
            events: [
              {
                type: 'object',
                ...idOf(object),
                object,
                origin: originOf(object, scope.cluster),
                ...(problems.length > 0 ? { problems } : {}),
              },
            ],
          };
        }
      }
    },
  };
}

/** The reader of the ConfigMap with the mesh configuration, whose values are YAML. */
export function meshReader(installation: Installation, revision = ''): KindReader {
  const name = nameOfRevision('istio', revision);
  const cluster = installation.clusterId;
  const place = `ConfigMap ${installation.systemNamespace}/${name}`;
  const scopes: readonly Scope[] = meshKeys.map(([, collection]) => ({ cluster, collection }));
  const ids = new Map<string, ObjectId>(
    meshKeys.map(([key, collection]) => [key, { cluster, collection, key: meshObjectKey }]),
  );
  /** The keys of the ConfigMap that are known to exist, or whose last value was kept. */
  const held = new Set<string>();
  let isFound = false;
  const problems = (...found: readonly LocatedProblem[]): SourceEvent => ({ type: 'problems', place, problems: found });

  function readObject(object: KubeObject): readonly SourceEvent[] {
    const origin = originOf(object, cluster);
    const data = readMeshData((object['data'] ?? {}) as Readonly<Record<string, unknown>>);
    const events: SourceEvent[] = [];
    for (const [key, id] of ids) {
      if (!data.ok) {
        // Of a list, it may keep what an earlier one has given.
        events.push({ type: 'kept', ...id });
        held.add(key);
      } else if (data.value[key] !== undefined) {
        events.push({ type: 'object', ...id, object: data.value[key], origin });
        held.add(key);
      } else if (held.delete(key)) events.push({ type: 'gone', ...id });
    }
    return [...events, data.ok ? problems() : problems({ problem: data.error, origin })];
  }

  function readEvent(event: ReadableEvent, isFirst: boolean): readonly SourceEvent[] {
    switch (event.type) {
      case 'listing':
        held.clear();
        isFound = false;
        return isFirst ? [] : scopes.map((scope) => ({ type: 'relist', ...scope }));
      case 'synced':
        return [
          ...(isFound ? [] : [problems()]),
          ...scopes.map((scope): SourceEvent => ({ type: 'synced', ...scope })),
        ];
      case 'found':
        isFound = true;
        return readObject(event.object);
      case 'gone': {
        const gone = [...ids].filter(([key]) => held.delete(key)).map(([, id]) => ({ type: 'gone', ...id }) as const);
        return [...gone, problems()];
      }
    }
  }
  return {
    resource: resources.configMaps,
    selection: { namespace: installation.systemNamespace, fieldSelector: `metadata.name=${name}` },
    scopes,
    read: (event, isFirst) => ({ cause: place, events: readEvent(event, isFirst) }),
  };
}

const causeOf = ({ kind, metadata: { namespace, name } }: KubeObject): string =>
  `${kind} ${namespace === undefined ? name : `${namespace}/${name}`}`;

/** Where an object of a cluster was read. */
export function originOf({ metadata: { resourceVersion, generation } }: KubeObject, cluster: string): ClusterOrigin {
  return {
    type: 'cluster',
    cluster,
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
    ...(generation === undefined ? {} : { generation }),
  };
}
