import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { KubeApi, KubeResource } from '@flotilla/kube-port';

const persistentVolumes: KubeResource = {
  group: '',
  versions: ['v1'],
  plural: 'persistentvolumes',
  clusterScoped: true,
};
const count = 4;

/** Folders of the machine as volumes for claims without a storage class; each is used once. */
export async function makeVolumes(api: KubeApi, folder: string): Promise<void> {
  for (let index = 1; index <= count; index += 1) {
    const path = join(folder, `volume-${index}`);
    mkdirSync(path, { recursive: true });
    // A pod's fsGroup is not applied to folders of the machine. (mkdir's mode is subject to the umask.)
    chmodSync(path, 0o777);
    await api.create(persistentVolumes, {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name: `volume-${index}` },
      spec: {
        capacity: { storage: '10Gi' },
        accessModes: ['ReadWriteOnce'],
        hostPath: { path, type: 'Directory' },
      },
    });
  }
}
