import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Mesh } from '../../mesh/attacked-mesh.ts';

/** The path of a name in the folder of configuration. */
export const pathOf = (mesh: Mesh, name: string): string => join(mesh.configFolder, name);
/** Creates a folder there, with those above it, and returns its path. */
export const folder = (mesh: Mesh, name: string): string => {
  mkdirSync(pathOf(mesh, name), { recursive: true });
  return pathOf(mesh, name);
};
/** A file with a ServiceEntry that no sidecar of the mesh sees. */
export const entry = (name: string): string =>
  JSON.stringify({
    apiVersion: 'networking.istio.io/v1beta1',
    kind: 'ServiceEntry',
    metadata: { name, namespace: 'other' },
    spec: {
      hosts: [`${name}.test`],
      exportTo: ['.'],
      ports: [{ number: 80, name: 'http', protocol: 'HTTP' }],
      resolution: 'DNS',
    },
  });
