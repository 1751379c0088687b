export * from './authority.ts';
export * from './root.ts';
