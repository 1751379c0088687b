import { describe, expect, it } from 'vitest';
import type { KeptPod } from './control-server.ts';
import { findContainer, findPod, findProxy } from './find-pod.ts';

const pod = (namespace: string, name: string, ...containers: string[]): KeptPod => ({
  namespace,
  name,
  ip: '10.0.0.1',
  isReady: true,
  containers: containers.map((each) => ({
    name: each,
    isRunning: true,
    restarts: 0,
    logFile: `/logs/${each}`,
    enter: [],
    env: {},
  })),
});
const pods = [
  pod('shop', 'sleep-7b', 'istio-proxy', 'sleep'),
  pod('shop', 'web', 'web'),
  pod('shop', 'web-1', 'web'),
  pod('other', 'tool-1', 'tool'),
  pod('shop', 'tool-1', 'tool'),
];

describe('findPod', () => {
  it('takes the name of a pod, of its Deployment, and its namespace', () => {
    expect(findPod(pods, 'sleep').name).toBe('sleep-7b');
    expect(findPod(pods, 'web').name).toBe('web');
    expect(findPod(pods, 'shop/tool').namespace).toBe('shop');
  });

  it('says what there is', () => {
    expect(() => findPod(pods, 'odd')).toThrow('no pod odd; the pods are: shop/sleep-7b, shop/web');
    expect(() => findPod(pods, 'tool')).toThrow('tool matches several pods: other/tool-1, shop/tool-1');
  });
});

describe('the containers of a pod', () => {
  const sleep = findPod(pods, 'sleep');

  it('are the application by default, and the proxy for what concerns it', () => {
    expect([
      findContainer(sleep, undefined).name,
      findContainer(sleep, 'istio-proxy').name,
      findProxy(sleep).name,
    ]).toEqual(['sleep', 'istio-proxy', 'istio-proxy']);
  });

  it('are named where there is no such one', () => {
    expect(() => findContainer(sleep, 'odd')).toThrow('shop/sleep-7b has no container odd; it has istio-proxy, sleep');
    expect(() => findProxy(findPod(pods, 'web-1'))).toThrow('shop/web-1 has no proxy');
  });
});
