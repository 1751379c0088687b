export * from './credentials.ts';
export * from './bind.ts';
export * from './listen.ts';
