export { discoveryMethods } from './methods.ts';
export { type NameTable, type Variant, nameTableType } from './name-table.ts';
export { createRelay } from './relay.ts';
export { createUpstream } from './upstream.ts';
export { textField } from './wire.ts';
