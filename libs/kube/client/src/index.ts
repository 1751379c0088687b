export { openConnection, type Connection, type ConnectionOptions } from './connection.ts';
export { kubeSettings } from './kube-settings.ts';
export { createKubeClient, openKubeClient, type KubeClientOptions } from './kube-client.ts';
