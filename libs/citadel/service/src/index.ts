export * from './citadel.ts';
export * from './root-store.ts';
