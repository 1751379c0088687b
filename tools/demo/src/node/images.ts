import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Container } from '@flotilla/injector-template';

/** This checkout: what the images of this project hold. */
const projectRoot = fileURLToPath(new URL('../../../../', import.meta.url)).replace(/\/$/, '');
const node = (script: string): string[] => [process.execPath, join(projectRoot, script)];

/** The command line of pilot-agent. */
export const pilotAgent = node('apps/pilot-agent/src/main.ts');

/** Entry points of our own images, by the last part of their name. */
const own: Readonly<Record<string, readonly string[]>> = {
  pilot: node('apps/pilot/src/main.ts'),
  galley: node('apps/galley/src/main.ts'),
  citadel: node('apps/citadel/src/main.ts'),
  'sidecar-injector': node('apps/sidecar-injector/src/main.ts'),
  istiod: node('apps/istiod/src/main.ts'),
  nats: node('apps/nats/src/main.ts'),
  proxyv2: pilotAgent,
  shop: node('tools/demo/src/shop/server.ts'),
};
const hub = 'flotilla/';

/** Folders of the node that hold these programs. */
export const programFolders = (): string[] => {
  const folders = [
    projectRoot,
    dirname(process.execPath),
    ...['ENVOY_BIN', 'NATS_SERVER_BIN'].flatMap((name) => process.env[name] ?? []).map((path) => dirname(path)),
  ];
  return folders.filter(
    (path, i) =>
      !folders.some((other, j) => (other === path ? j < i : path.startsWith(`${other}/`))) && !path.startsWith('/usr/'),
  );
};

export interface Entrypoint {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly isStandIn: boolean;
}

/** What runs for a container. An image that is not ours has an echo server on the container's ports in its place. */
export function entrypointOf({ name, image = '', command, args = [], ports = [] }: Container): Entrypoint {
  const last = image.split('/').at(-1)?.split(/[:@]/)[0] ?? '';
  const entry = image.startsWith(hub) && Object.hasOwn(own, last) ? own[last] : undefined;
  if (entry) return { command: [...(command ?? entry), ...args], env: binaries(), isStandIn: false };
  const numbers = ports
    .filter(({ protocol = 'TCP' }) => protocol === 'TCP')
    .map(({ containerPort = 0 }) => containerPort);
  return {
    command: [...node('tools/demo/src/shop/echo-server.ts'), name, ...numbers.map(String)],
    env: {},
    isStandIn: true,
  };
}

const binaries = (): Record<string, string> =>
  Object.fromEntries(
    ['ENVOY_BIN', 'NATS_SERVER_BIN'].flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])),
  );
