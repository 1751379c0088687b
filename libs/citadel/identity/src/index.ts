export * from './authenticate.ts';
export * from './bootstrap.ts';
export * from './jwt.ts';
