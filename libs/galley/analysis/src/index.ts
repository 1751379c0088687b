export type { Check, Converter, Derived } from './check.ts';
export { checks } from './checks.ts';
export { createGalleyStore, credentialsKey } from './store.ts';
export type { View } from './view.ts';
