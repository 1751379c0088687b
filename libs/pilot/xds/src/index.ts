export * from './resource.ts';
export * from './roots.ts';
