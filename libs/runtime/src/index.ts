export { commonSettings, runApp } from './app.ts';
export { grpcRunner } from './grpc-runner.ts';
export {
  domainSettings,
  installationIn,
  installationSettings,
  systemNamespaceSettings,
} from './installation-settings.ts';
export { serveMonitoring } from './monitoring.ts';
export { parseOptions } from './options.ts';
export { explain } from './runners.ts';
export { createGuard, grpcLimits, grpcSettings } from './server-settings.ts';
export { createSupervisor } from './supervisor.ts';
export { xdsPorts, type XdsPortOptions, type XdsPortParts } from './xds-ports.ts';
export { startWatchdog } from './watchdog/watchdog.ts';
