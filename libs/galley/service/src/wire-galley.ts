import type { Publisher, ReportReceiver } from '@flotilla/bus-port';
import type { Source } from '@flotilla/galley-sources';
import type { Installation, Reading } from '@flotilla/model';
import { problemsPage, type Observability, type Pages } from '@flotilla/observability-port';
import type { OptionsOf } from '@flotilla/std';
import { createGalley, type Galley } from './galley.ts';
import type { galleySettings } from './galley-settings.ts';
import { openQuarantine } from './quarantine.ts';
import { reportsPage } from './reports-page.ts';
import { sourceDetails, sourcesPage } from './source-states.ts';

export interface GalleyParts {
  /** Opens the sources, in the order of their ranks; they read each object within `reading`. */
  sources(reading: Reading): readonly Source[];
  readonly bus: Publisher & ReportReceiver;
  readonly installation: Installation;
  /** Gets the path of the quarantine file, where it notes the object that the process hangs on. */
  readonly watchdog: { quarantineIn(file: string): void };
  readonly observability: Observability;
  readonly signal: AbortSignal;
}
/** Galley in an app, and what the app's monitoring shows of it. */
export interface WiredGalley {
  readonly galley: Galley;
  readonly runner: { readonly name: string; run(): Promise<void> };
  readonly pages: Pages;
  /** Lines that say which sources are not in step. */
  details(): readonly string[];
}

/**
 * Creates galley from an app's settings, with its quarantine and its pages, the same way in every app that contains it.
 */
export function wireGalley(options: OptionsOf<ReturnType<typeof galleySettings>>, parts: GalleyParts): WiredGalley {
  const { bus, installation, watchdog, observability, signal } = parts;
  watchdog.quarantineIn(options.quarantineFile);
  const { activity, log } = observability;
  const quarantine = openQuarantine({ file: options.quarantineFile, activity, log });
  const galley = createGalley({
    sources: parts.sources(quarantine.reading),
    installation,
    sourceWait: options.sourceWait,
    scopesConfiguration: options.enhancedResourceScoping,
    publisher: bus,
    reports: { receiver: bus, limits: options },
    quarantine,
    observability,
    signal,
  });
  return {
    galley,
    runner: { name: 'galley', run: galley.run },
    pages: {
      '/debug/problems': problemsPage(galley.problems),
      '/debug/sources': sourcesPage(galley.sources),
      '/debug/reports': reportsPage(galley.reports),
    },
    details: () => sourceDetails(galley.sources()),
  };
}
