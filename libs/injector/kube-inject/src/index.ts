export { injectDocuments, type KubeInjected, type KubeInjectOptions } from './kube-inject.ts';
