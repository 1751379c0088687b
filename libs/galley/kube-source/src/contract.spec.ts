import { FakeKube } from '@flotilla/kube-fake';
import type { KubeResource } from '@flotilla/kube-port';
import { defaultInstallation, kindOf } from '@flotilla/model';
import { describeSource, type RawObject } from '@flotilla/testing';
import { createKubeSource } from './kube-source.ts';

function resourceOf(object: RawObject): KubeResource {
  const kind = kindOf(object);
  if (!kind) throw new Error(`unknown kind ${object.kind}`);
  return kind;
}

describeSource('Kubernetes', async (objects) => {
  const api = new FakeKube();
  const put = async (object: RawObject): Promise<void> => {
    const { name, namespace } = object.metadata;
    const whole = { apiVersion: 'v1', ...object };
    if (await api.others.get(resourceOf(object), { namespace, name }))
      await api.others.replace(resourceOf(object), whole);
    else await api.others.create(resourceOf(object), whole);
  };
  for (const object of objects) await put(object);
  return {
    source: createKubeSource({ api, installation: defaultInstallation }),
    put,
    async delete(object) {
      await api.others.delete(resourceOf(object), object.metadata);
    },
    cut: () => api.cut(),
    restore: () => api.restore(),
  };
});
