import type { LabelSets } from './labels.ts';

/**
 * Metrics by Istio's names. Each label is declared with the values that it may have; its value is given at each use.
 */
export interface Metrics {
  counter(name: string, help: string, labels?: LabelSets): Counter;
  gauge(name: string, help: string, labels?: LabelSets): Gauge;
  /** Buckets are in the unit that the name says (seconds for *_time, *_seconds). */
  histogram(name: string, help: string, options?: { labels?: LabelSets; buckets?: readonly number[] }): Histogram;
}
export type Labels = Readonly<Record<string, string>>;
export interface Counter {
  add(value?: number, labels?: Labels): void;
  /** Takes the series with exactly these labels off the page: what it counted is gone. */
  remove(labels: Labels): void;
}
export interface Gauge {
  set(value: number, labels?: Labels): void;
}
export interface Histogram {
  observe(value: number, labels?: Labels): void;
}
