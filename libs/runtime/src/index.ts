export * from './app.ts';
export * from './grpc-runner.ts';
export * from './installation-settings.ts';
export * from './monitoring.ts';
export * from './options.ts';
export * from './runners.ts';
export * from './server-settings.ts';
export * from './supervisor.ts';
export { xdsPorts, type XdsPortOptions, type XdsPortParts } from './xds-ports.ts';
