export * from './credentials.ts';
export * from './bind.ts';
