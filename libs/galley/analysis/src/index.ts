export * from './check.ts';
export * from './checks.ts';
export * from './store.ts';
export * from './view.ts';
