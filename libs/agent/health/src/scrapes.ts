import type { IncomingHttpHeaders } from 'node:http';
import type { Logger } from '@flotilla/observability-port';
import { createSlots, messageOf } from '@flotilla/std';
import { request } from './http.ts';
import { mergeMetrics } from './prometheus.ts';
import type { AppScrape } from './prometheus.ts';

export interface ScrapeOptions {
  readonly envoyStatsPort: number;
  readonly appScrape?: AppScrape;
  /** The agent's own metrics in Prometheus' format. */
  agentMetrics(): Promise<string>;
  readonly log: Logger;
}
export interface Scraped {
  readonly contentType: string;
  readonly text: string;
}

const timeoutMs = 10_000;
const maxMetrics = 64 << 20;
/** Headers that tell a scraper's wishes to whom it scrapes. */
const passed = ['accept', 'user-agent', 'x-prometheus-scrape-timeout-seconds'];

/**
 * Collects metrics for scrapers, once at a time, because an application may have many: requests with the same wishes
 * that come meanwhile get the same, others wait.
 */
export function createScrapes(options: ScrapeOptions): (headers: IncomingHttpHeaders) => Promise<Scraped> {
  const slots = createSlots(1);
  const running = new Map<string, Promise<Scraped>>();
  return (incoming) => {
    const headers = Object.fromEntries(
      passed.flatMap((name) => (typeof incoming[name] === 'string' ? [[name, incoming[name]]] : [])),
    );
    const wishes = JSON.stringify(headers);
    const known = running.get(wishes);
    if (known) return known;
    const scraped = slots.run(() => collect(headers, options)).finally(() => running.delete(wishes));
    running.set(wishes, scraped);
    return scraped;
  };
}

/** Envoy's, the application's and the agent's metrics as one text; whatever can't be had is left out. */
async function collect(
  headers: Readonly<Record<string, string>>,
  { envoyStatsPort, appScrape, agentMetrics, log }: ScrapeOptions,
): Promise<Scraped> {
  const scrape = async (name: string, port: number, path: string): Promise<Partial<Scraped>> => {
    try {
      const answer = await request({ host: 'localhost', port, path, headers, timeoutMs, maxBytes: maxMetrics });
      const contentType = answer.headers['content-type'];
      if (answer.status === 200)
        return { text: answer.body.toString('utf8'), ...(contentType === undefined ? {} : { contentType }) };
      log.warn(`failed scraping ${name} metrics`, { status: answer.status });
    } catch (thrown) {
      log.warn(`failed scraping ${name} metrics`, { error: messageOf(thrown) });
    }
    return {};
  };
  const [agent, envoy, app] = await Promise.all([
    agentMetrics().catch(() => ''),
    scrape('envoy', envoyStatsPort, '/stats/prometheus'),
    appScrape ? scrape('application', appScrape.port, appScrape.path) : ({} as Partial<Scraped>),
  ]);
  const isOpen = app.contentType?.startsWith('application/openmetrics-text') ?? false;
  const contentType = (isOpen && app.contentType) || 'text/plain; version=0.0.4; charset=utf-8';
  const text = mergeMetrics([agent, envoy.text ?? '', app.text ?? '']);
  return { contentType, text: isOpen ? `${text}# EOF\n` : text };
}
