import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { PodObject, Volume } from '@flotilla/injector-template';
import type { Mount } from '../node/sandbox.ts';
import type { TokenIssuer } from './tokens.ts';

/** What volumes are filled with. A ConfigMap or Secret that isn't there (yet) is undefined. */
export interface VolumeSources {
  configMap(namespace: string, name: string): Readonly<Record<string, string>> | undefined;
  secret(namespace: string, name: string): Readonly<Record<string, string>> | undefined;
  readonly tokens: TokenIssuer;
  /** The node's folder for a path below /flotilla, the only host paths there are. */
  hostPath(path: string): string;
}

interface Source {
  readonly configMap?: { name: string; optional?: boolean };
  readonly secret?: { secretName: string; optional?: boolean };
  readonly downwardAPI?: DownwardApi;
  readonly projected?: { sources?: readonly Projection[] };
  readonly hostPath?: { path: string };
}
interface DownwardApi {
  readonly items?: readonly { path: string; fieldRef?: { fieldPath: string } }[];
}
interface Projection {
  readonly serviceAccountToken?: { path: string; audience?: string; expirationSeconds?: number };
  readonly configMap?: { name: string };
  readonly secret?: { name: string };
  readonly downwardAPI?: DownwardApi;
}

/** Not there yet: try again, as kubelet does. */
export class NotReady extends Error {}

/**
 * Fills the pod's volumes below `folder` and says where they are seen: ConfigMaps, Secrets, the downward API, projected
 * tokens, host paths, and empty folders for all else. Rejects with NotReady while something that must be there isn't.
 */
export async function prepareVolumes(pod: PodObject, folder: string, sources: VolumeSources): Promise<Mount[]> {
  const volumes = new Map((pod.spec.volumes ?? []).map((volume) => [volume.name, volume]));
  const mounts: Mount[] = [];
  const filled = new Map<string, string>();
  for (const { volumeMounts = [] } of [...(pod.spec.initContainers ?? []), ...pod.spec.containers]) {
    for (const { name = '', mountPath, subPath } of volumeMounts as readonly {
      name?: string;
      mountPath: string;
      subPath?: string;
    }[]) {
      if (mounts.some(({ path }) => path === mountPath)) continue;
      const place =
        filled.get(name) ?? (await fill(pod, { volume: volumes.get(name), path: join(folder, name), sources }));
      filled.set(name, place);
      mounts.push({ source: subPath ? join(place, subPath) : place, path: mountPath.replace(/\/$/, '') });
    }
  }
  return mounts;
}

async function fill(
  pod: PodObject,
  { volume, path, sources }: { volume: Volume | undefined; path: string; sources: VolumeSources },
): Promise<string> {
  const { configMap, secret, downwardAPI, projected, hostPath } = (volume ?? {}) as unknown as Source;
  if (hostPath) return sources.hostPath(hostPath.path);
  mkdirSync(path, { recursive: true });
  const namespace = pod.metadata.namespace ?? 'default';
  const owner = ownerOf(pod);
  const write = (name: string, text: string, mode = 0o644): void => {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), text, { mode });
    if (mode === 0o600) chownSync(join(path, name), owner, owner);
  };
  const writeAll = (
    files: Readonly<Record<string, string>> | undefined,
    what: string,
    options: { optional?: boolean | undefined; mode?: number },
  ): void => {
    if (!files && !options.optional) throw new NotReady(`${what} is not there`);
    for (const [name, text] of Object.entries(files ?? {})) write(name, text, options.mode);
  };
  const writeFields = ({ items = [] }: DownwardApi): void => {
    for (const item of items) write(item.path, downwardField(pod, item.fieldRef?.fieldPath ?? ''));
  };
  if (configMap)
    writeAll(sources.configMap(namespace, configMap.name), `ConfigMap ${namespace}/${configMap.name}`, configMap);
  else if (secret)
    writeAll(sources.secret(namespace, secret.secretName), `Secret ${namespace}/${secret.secretName}`, {
      optional: secret.optional,
      mode: 0o600,
    });
  else if (downwardAPI) writeFields(downwardAPI);
  else if (projected) {
    for (const part of projected.sources ?? []) {
      if (part.serviceAccountToken) {
        const { path: name, audience = 'kubernetes', expirationSeconds: seconds = 3600 } = part.serviceAccountToken;
        write(
          name,
          await sources.tokens.token({
            namespace,
            serviceAccount: pod.spec.serviceAccountName ?? 'default',
            pod: pod.metadata.name ?? '',
            audience,
            seconds,
          }),
          0o600,
        );
      }
      if (part.configMap)
        writeAll(
          sources.configMap(namespace, part.configMap.name),
          `ConfigMap ${namespace}/${part.configMap.name}`,
          {},
        );
      if (part.secret)
        writeAll(sources.secret(namespace, part.secret.name), `Secret ${namespace}/${part.secret.name}`, {
          mode: 0o600,
        });
      if (part.downwardAPI) writeFields(part.downwardAPI);
    }
  } else chmodSync(path, 0o777);
  return path;
}

/** Who reads secrets in this pod: the user of its last container that names one, as the proxy does. */
const ownerOf = (pod: PodObject): number => {
  const users = [pod.spec, ...pod.spec.containers].flatMap(
    ({ securityContext }) => (securityContext as { runAsUser?: number } | undefined)?.runAsUser ?? [],
  );
  return users.at(-1) ?? 0;
};

/** A field of the pod by its path, as the downward API writes it: maps as `key="value"` lines. */
export function downwardField(pod: PodObject, path: string): string {
  const { metadata, spec } = pod;
  const [, map, key] = /^metadata\.(labels|annotations)(?:\['(.+)'\])?$/.exec(path) ?? [];
  if (map) {
    const values = (map === 'labels' ? metadata.labels : metadata.annotations) ?? {};
    if (key !== undefined) return values[key] ?? '';
    return Object.entries(values)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, value]) => `${name}=${JSON.stringify(value)}\n`)
      .join('');
  }
  const status = (pod['status'] ?? {}) as { podIP?: string; hostIP?: string };
  const fields: Readonly<Record<string, string | undefined>> = {
    'metadata.name': metadata.name,
    'metadata.namespace': metadata.namespace,
    'metadata.uid': metadata['uid'] as string | undefined,
    'spec.nodeName': spec['nodeName'] as string | undefined,
    'spec.serviceAccountName': spec.serviceAccountName,
    'status.podIP': status.podIP,
    'status.podIPs': status.podIP,
    'status.hostIP': status.hostIP,
  };
  return fields[path] ?? '';
}
