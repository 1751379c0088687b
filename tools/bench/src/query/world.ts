import { keyOf, parseMeshConfig, parseResource, type AnyResource } from '@flotilla/model';
import { createWorldStore, parseProxy, proxySubject, workload, worldChanges } from '@flotilla/pilot-world';
import { allOf, oneOf, resourceKey } from '@flotilla/pilot-xds';
import { Engine, Subject, type Change } from '@flotilla/query';
import { Mesh, type MeshFile, type MeshNode, type MeshSize } from '../mesh.ts';

function resourceOf({ name, object }: MeshFile): AnyResource {
  const parsed = parseResource(object);
  if (!parsed.ok) throw new Error(`${name}: ${JSON.stringify(parsed.error)}`);
  return parsed.value.resource;
}
export const changesOf = (file: MeshFile): Change[] => {
  const resource = resourceOf(file);
  return worldChanges(resource.collection, keyOf(resource.meta), resource);
};

/** As pilot has it while the sidecar is connected. */
function subjectOf(engine: Engine, node: MeshNode): Subject {
  const parsed = parseProxy(node);
  if (!parsed.ok) throw new Error(parsed.error);
  engine.watch(workload, '', new Subject({ ...parsed.value }));
  return proxySubject(engine, parsed.value);
}

/**
 * Pilot's queries over a mesh, with sidecars that watch all that they ask for: clusters, listeners, each load
 * assignment, the route configuration of port 80.
 */
export function watchedWorld(size: MeshSize, sidecars: number): { readonly engine: Engine; readonly mesh: Mesh } {
  const mesh = new Mesh(size);
  const engine = new Engine(createWorldStore());
  const config = parseMeshConfig({});
  if (!config.ok) throw new Error('the default mesh configuration is refused');
  engine.apply(
    [config.value, ...mesh.files().map(resourceOf)].flatMap((resource) =>
      worldChanges(resource.collection, keyOf(resource.meta), resource),
    ),
  );
  for (const subject of Array.from({ length: sidecars }, (_, i) => subjectOf(engine, mesh.node(i)))) {
    for (const kind of ['cds', 'lds'] as const) engine.watch(allOf, kind, subject);
    engine.watch(oneOf, resourceKey({ kind: 'rds', name: '80' }), subject);
    for (let i = 0; i < size.services; i += 1)
      engine.watch(oneOf, resourceKey({ kind: 'eds', name: `outbound|80||${mesh.host(i)}` }), subject);
  }
  return { engine, mesh };
}
