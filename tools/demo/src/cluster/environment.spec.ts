import { describe, expect, it } from 'vitest';
import type { Container, PodObject } from '@flotilla/injector-template';
import { environmentOf, expand } from './environment.ts';

const container: Container = {
  name: 'web',
  resources: { limits: { cpu: '1500m', memory: '1Gi' } },
  env: [
    { name: 'NAME', value: 'web' },
    { name: 'GREETING', value: 'I am $(NAME), $$(NAME) and $(NOBODY)' },
    { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
    { name: 'APP', valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
    { name: 'CPU', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } },
    { name: 'MEMORY', valueFrom: { resourceFieldRef: { resource: 'limits.memory' } } },
    { name: 'NONE', valueFrom: { resourceFieldRef: { resource: 'requests.cpu' } } },
    { name: 'KEY', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } },
    { name: 'MAP', valueFrom: { configMapKeyRef: { name: 'c', key: 'k' } } },
  ],
};
const pod: PodObject = {
  metadata: { name: 'web-1', namespace: 'shop', labels: { app: 'web' } },
  spec: { containers: [container] },
  status: { podIP: '10.244.0.7' },
};
const sources = {
  configMap: (namespace: string, name: string) => ({ k: `${namespace}/${name}` }),
  secret: () => ({ k: 'hidden' }),
};

describe("a container's environment", () => {
  it('comes from values, the downward API, ConfigMaps and Secrets', () => {
    expect(environmentOf(pod, container, sources)).toEqual({
      HOSTNAME: 'web-1',
      NAME: 'web',
      GREETING: 'I am web, $(NAME) and $(NOBODY)',
      IP: '10.244.0.7',
      APP: 'web',
      CPU: '2',
      MEMORY: String(2 ** 30),
      KEY: 'hidden',
      MAP: 'shop/c',
    });
  });

  it('expands in arguments too', () =>
    expect(expand('--domain=$(NS).svc.$(DOMAIN)', { NS: 'shop' })).toBe('--domain=shop.svc.$(DOMAIN)'));
});
