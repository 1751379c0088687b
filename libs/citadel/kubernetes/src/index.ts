export { openPlatform, platformSettings, type KubernetesPlatform, type PlatformOptions } from './platform.ts';
