export * from './secret.ts';
export * from './secret-files.ts';
export * from './credential-hub.ts';
