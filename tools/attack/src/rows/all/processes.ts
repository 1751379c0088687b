import { setTimeout as pause } from 'node:timers/promises';
import type { Attack, Service } from '../../attack.ts';

const kill = (service: Service, more: Partial<Attack> = {}): Attack => ({
  service, kind: 'processes', name: `SIGKILL ${service}`, describe: `${service} ends without notice and is started again: all serve as before`, disturbs: [service],
  run: (mesh) => mesh.program(service).kill(),
  ...more,
});
const stopFor = (service: Service, seconds: number, more: Partial<Attack> = {}): Attack => ({
  service, kind: 'processes', name: `SIGSTOP ${service} for ${seconds} s`, describe: `${service} stands still for ${seconds} s: the others serve meanwhile, and it does afterwards`, disturbs: [service],
  run: async (mesh) => {
    mesh.program(service).signal('SIGSTOP');
    await pause(seconds * 1000);
    mesh.program(service).signal('SIGCONT');
  },
  ...more,
});

/** Processes that end or stand still at any time. */
export const processes: readonly Attack[] = [
  kill('galley', { form: 'short' }), kill('pilot', { form: 'short' }), kill('citadel'), kill('sidecar-injector'), kill('nats', { shapes: ['fleet'], form: 'short' }),
  stopFor('galley', 3), stopFor('pilot', 3), stopFor('nats', 3, { shapes: ['fleet'] }),
];
