export { createGalley } from './galley.ts';
export { openQuarantine } from './quarantine.ts';
export { galleySettings } from './galley-settings.ts';
export type { ObjectsPage } from './reports-page.ts';
export type { ReportsOptions } from './reports.ts';
export { wireGalley } from './wire-galley.ts';
