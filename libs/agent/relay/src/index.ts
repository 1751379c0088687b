export * from './methods.ts';
export * from './name-table.ts';
export * from './relay.ts';
export * from './upstream.ts';
export * from './wire.ts';
