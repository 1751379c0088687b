export * from './galley.ts';
export { problemsPage } from './problem-log.ts';
export * from './quarantine.ts';
export * from './settings.ts';
