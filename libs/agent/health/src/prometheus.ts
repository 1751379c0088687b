import { err, ok, parsePort, printable, readJsonObject } from '@flotilla/std';
import type { Result } from '@flotilla/std';

/** Where the application's own metrics are: its prometheus.io annotations, as the injector hands them on. */
export interface AppScrape {
  readonly port: number;
  readonly path: string;
}

/**
 * Reads ISTIO_PROMETHEUS_ANNOTATIONS; undefined when the application is not to be scraped, or its port is the agent's
 * own.
 */
export function parseAppScrape(text: string, statusPort: number): Result<AppScrape | undefined> {
  if (text === '') return ok(undefined);
  const read = readJsonObject(text);
  if (!read.ok) return err(read.error.message);
  const { scrape, path, port = '' } = read.value;
  if (scrape !== true && scrape !== 'true') return ok(undefined);
  const number =
    port === '' ? 80 : (parsePort(typeof port === 'number' || typeof port === 'string' ? String(port) : '') ?? 0);
  if (number === 0) return err(`invalid prometheus port ${printable(JSON.stringify(port))}`);
  if (number === statusPort) return ok(undefined);
  const given = typeof path === 'string' && path !== '' ? path : '/metrics';
  return ok({ port: number, path: given.startsWith('/') ? given : `/${given}` });
}

/** Texts of Prometheus' format, one after the other; OpenMetrics' end mark may stand only at the very end. */
export const mergeMetrics = (texts: readonly string[]): string =>
  texts
    .filter((text) => text !== '')
    .map((text) => text.replace(/(^|\n)# EOF\s*$/, '$1'))
    .map((text) => (text.endsWith('\n') ? text : `${text}\n`))
    .join('');
