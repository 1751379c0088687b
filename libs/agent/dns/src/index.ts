export * from './answer.ts';
export * from './dns-server.ts';
export * from './lookup-table.ts';
export * from './resolv-conf.ts';
