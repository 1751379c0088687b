export * from './resource.ts';
export * from './roots.ts';
export * from './secrets/access.ts';
