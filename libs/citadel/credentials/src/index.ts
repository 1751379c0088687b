export * from './secret.ts';
export * from './secret-files.ts';
