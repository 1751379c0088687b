import type { Role } from '@flotilla/bus-nats';
import { jsonAnswer, type Logger, type Metrics, type Page } from '@flotilla/observability-port';

const roles: readonly Role[] = ['starting', 'active', 'standby'];

export interface BusRole {
  set(role: Role, reason: string): void;
  /** /debug/bus. */
  readonly page: Page;
}

/** Which part a galley has on the bus: in its log at each change, as the metric galley_bus_role, and as a page. */
export function createBusRole({ log, metrics }: { readonly log: Logger; readonly metrics: Metrics }): BusRole {
  const help = 'The part that this galley has on the bus: 1 for the one that it has, 0 for the others.';
  const gauge = metrics.gauge('galley_bus_role', help, { role: roles });
  let current: { readonly role: Role; readonly reason: string } = {
    role: 'starting',
    reason: 'nothing is known of the bus yet',
  };
  const show = (): void => roles.forEach((role) => gauge.set(role === current.role ? 1 : 0, { role }));
  show();
  return {
    set(role, reason) {
      const stepsDown = current.role === 'active' && role === 'standby';
      current = { role, reason };
      show();
      log.scope('bus')[stepsDown ? 'warn' : 'info'](`${role} on the bus`, { reason });
    },
    page: { summary: 'whether this galley writes to the bus or is on standby', answer: () => jsonAnswer(current) },
  };
}
