export * from './credentials.ts';
export * from './bind.ts';
export * from './listen.ts';
export * from './printable-status.ts';
