export { buildAnswer, parseQuery } from './answer.ts';
export { type DnsServer, createDnsServer } from './dns-server.ts';
export { type NameInfo, buildLookupTable, lookUp } from './lookup-table.ts';
export { parseResolvConf } from './resolv-conf.ts';
