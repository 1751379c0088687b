export { type KeptBootstrapTokens, keepBootstrapTokens } from './bootstrap-tokens.ts';
export { type Citadel, createCitadel } from './citadel.ts';
export { createFileRootStore } from './root-store.ts';
export { citadelFiles } from './citadel-files.ts';
export { citadelSettings } from './citadel-settings.ts';
export { createSecrets } from './secrets.ts';
export { wireCitadel } from './wire-citadel.ts';
