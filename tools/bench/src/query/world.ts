import { keyOf, parseMeshConfig, parseResource, type AnyResource } from '@flotilla/model';
import { createWorldStore, parseProxy, proxySubject, workload, worldChanges } from '@flotilla/pilot-world';
import { SharedLists, type Holder } from '@flotilla/pilot-service';
import { listsOf } from '@flotilla/pilot-xds';
import { Engine, Subject, type Change } from '@flotilla/query';
import { Mesh, type MeshFile, type MeshNode, type MeshSize } from '../bench-mesh.ts';

function resourceOf({ name, object }: MeshFile): AnyResource {
  const parsed = parseResource(object);
  if (!parsed.ok) throw new Error(`${name}: ${JSON.stringify(parsed.error)}`);
  return parsed.value.resource;
}
export const changesOf = (file: MeshFile): Change[] => {
  const resource = resourceOf(file);
  return worldChanges(resource.collection, keyOf(resource.meta), resource);
};

/** A sidecar, as pilot has it while it is connected. */
function holderOf(engine: Engine, node: MeshNode): Holder {
  const parsed = parseProxy(node);
  if (!parsed.ok) throw new Error(parsed.error);
  engine.watch(workload, '', new Subject({ ...parsed.value }));
  return { subject: proxySubject(engine, parsed.value), onMoved: () => {} };
}

export interface WatchedWorld {
  readonly engine: Engine;
  readonly lists: SharedLists;
  readonly mesh: Mesh;
  /** What all sidecars together have requested: types and names. */
  readonly answers: number;
}

/**
 * Pilot's queries over a mesh, with sidecars that have everything that they request: clusters, listeners, each load
 * assignment, the route configuration of port 80.
 */
export function watchedWorld(size: MeshSize, sidecars: number): WatchedWorld {
  const mesh = new Mesh(size);
  const engine = new Engine(createWorldStore());
  const lists = new SharedLists({ engine, onFailures: () => {} });
  const config = parseMeshConfig({});
  if (!config.ok) throw new Error('the default mesh configuration is refused');
  engine.apply(
    [config.value, ...mesh.files().map(resourceOf)].flatMap((resource) =>
      worldChanges(resource.collection, keyOf(resource.meta), resource),
    ),
  );
  const named = [
    { kind: 'rds', name: '80' },
    ...Array.from(
      { length: size.services },
      (_, i) => ({ kind: 'eds', name: `outbound|80||${mesh.host(i)}` }) as const,
    ),
  ] as const;
  for (const holder of Array.from({ length: sidecars }, (_, i) => holderOf(engine, mesh.node(i)))) {
    for (const kind of ['cds', 'lds'] as const)
      for (const source of listsOf(kind)) lists.join({ kind, source }, holder);
    for (const asked of named) lists.join(asked, holder);
  }
  return { engine, lists, mesh, answers: sidecars * (2 + named.length) };
}
