import type { Service } from './types.ts';

/** Does a cookie keep a service's clients at one endpoint each? Then endpoints that drain still count. */
export const keepsSessions = ({ labels }: Pick<Service, 'labels'>): boolean =>
  (labels['istio.io/persistent-session'] ?? '') !== '';
