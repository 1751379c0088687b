export { createGalley } from './galley.ts';
export { openQuarantine } from './quarantine.ts';
export { galleySettings } from './galley-settings.ts';
export { reportsPage, type ObjectsPage } from './reports-page.ts';
export type { ReportsOptions } from './reports.ts';
export { sourceDetails, sourcesPage, type SourceStatus } from './source-states.ts';
export { wireGalley, type GalleyParts, type WiredGalley } from './wire-galley.ts';
