import type { Service } from './types.ts';

/** Whether a cookie keeps each client of a service at one endpoint. Then draining endpoints are still used. */
export const keepsSessions = ({ labels }: Pick<Service, 'labels'>): boolean =>
  (labels['istio.io/persistent-session'] ?? '') !== '';
