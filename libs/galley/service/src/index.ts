export * from './galley.ts';
