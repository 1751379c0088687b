export { createKubeSource, type KubeSourceOptions } from './kube-source.ts';
