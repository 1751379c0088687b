export * from './run-app.ts';
export * from './monitoring.ts';
