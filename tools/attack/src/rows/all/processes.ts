import { setTimeout as pause } from 'node:timers/promises';
import { expect, type Attack, type Service } from '../../attack.ts';
import type { Mesh } from '../../mesh/attacked-mesh.ts';
import { ownCa, ownFolder } from './alone.ts';

const apps: readonly Service[] = ['pilot', 'galley', 'citadel', 'sidecar-injector', 'nats'];
/** In the monolith they are one process. */
const shapesOf = (service: Service): Pick<Attack, 'shapes'> => (service === 'pilot' ? {} : { shapes: ['fleet'] });
const row = (service: Service, name: string, more: Pick<Attack, 'describe' | 'run'> & Partial<Attack>): Attack => ({
  service,
  kind: 'processes',
  name,
  disturbs: [service],
  ...shapesOf(service),
  ...more,
});
const again = async (mesh: Mesh, service: Service): Promise<void> => {
  const program = mesh.program(service);
  program.start();
  if (service !== 'nats') await program.ready(30_000);
};
const forms: Partial<Record<Service, NonNullable<Attack['form']>>> = { pilot: 'quick', galley: 'short', nats: 'short' };

/** Processes that end or stand still at any time. */
export const processes: readonly Attack[] = [
  ...apps.map((service) =>
    row(service, `SIGKILL ${service}`, {
      describe: `${service} is killed and restarted: all services work as before`,
      ...(forms[service] ? { form: forms[service] } : {}),
      run: (mesh) => mesh.program(service).kill(),
    }),
  ),
  ...apps.map((service) =>
    row(service, `SIGTERM ${service}`, {
      describe: `${service} gets SIGTERM: it exits within 8 s`,
      run: async (mesh) => {
        const began = Date.now();
        await mesh.program(service).stop();
        expect('an end within 8 s', `${Date.now() - began} ms`, Date.now() - began < 8000);
      },
    }),
  ),
  ...apps.map((service) =>
    row(service, `SIGSTOP ${service} for 3 s`, {
      describe: `${service} is suspended for 3 s: the others serve meanwhile, and it does afterwards`,
      ...(service === 'galley' ? { form: 'short' as const } : {}),
      run: async (mesh) => {
        mesh.program(service).signal('SIGSTOP');
        await pause(3000);
        mesh.program(service).signal('SIGCONT');
      },
    }),
  ),
  ...apps.map((service) =>
    row(service, `SIGKILL ${service} three times`, {
      describe: `${service} is killed three times, each time just after its start: all services work as before`,
      deadlineMs: 60_000,
      run: async (mesh) => {
        for (let i = 0; i < 3; i += 1) {
          await mesh.program(service).kill();
          mesh.program(service).start();
          await pause(300 * (i + 1));
        }
      },
    }),
  ),
  row('pilot', 'SIGSTOP pilot for 40 s', {
    describe:
      'pilot is suspended for longer than the watchdog waits: it keeps running afterwards, because it did not hang',
    deadlineMs: 60_000,
    run: async (mesh) => {
      const { pid } = mesh.program('pilot');
      mesh.program('pilot').signal('SIGSTOP');
      await pause(40_000);
      mesh.program('pilot').signal('SIGCONT');
      await pause(3000);
      expect('the same process', mesh.program('pilot').pid, mesh.program('pilot').pid === pid);
    },
  }),
  row('galley', 'galley down while files change', {
    describe: 'a file changes while galley is down: the change is applied when it is back, nothing else is lost',
    deadlineMs: 60_000,
    run: async (mesh) => {
      await mesh.program('galley').kill();
      for (let i = 0; i < 50; i += 1)
        mesh.write(
          `away-${i}.json`,
          JSON.stringify({
            apiVersion: 'networking.istio.io/v1beta1',
            kind: 'Sidecar',
            metadata: { name: `s${i}`, namespace: 'other' },
            spec: {},
          }),
        );
      await again(mesh, 'galley');
    },
  }),
  row('citadel', 'SIGKILL citadel and pilot at once', {
    describe: 'two are killed at once: both recover, in whichever order they start',
    disturbs: ['citadel', 'pilot'],
    deadlineMs: 60_000,
    run: async (mesh) => void (await Promise.all([mesh.program('citadel').kill(), mesh.program('pilot').kill()])),
  }),
  row('nats', 'SIGKILL everything at once', {
    describe: 'all are killed at once and start in any order: all services work as before',
    disturbs: apps,
    deadlineMs: 60_000,
    form: 'short',
    run: async (mesh) => void (await Promise.all(mesh.programs.map((program) => program.kill()))),
  }),
  row('nats', 'SIGSTOP nats while files change', {
    describe: 'the bus is suspended while 100 files change: all changes arrive afterwards',
    deadlineMs: 60_000,
    run: async (mesh) => {
      mesh.program('nats').signal('SIGSTOP');
      for (let i = 0; i < 100; i += 1) {
        mesh.write(
          'still.json',
          JSON.stringify({
            apiVersion: 'networking.istio.io/v1beta1',
            kind: 'Sidecar',
            metadata: { name: `s${i}`, namespace: 'other' },
            spec: {},
          }),
        );
        await pause(20);
      }
      mesh.program('nats').signal('SIGCONT');
    },
  }),
];

/** Disks that take nothing. */
export const disks: readonly Attack[] = [
  {
    service: 'citadel',
    kind: 'disks',
    name: 'logs to a full disk',
    describe: 'every log line fails: the service starts and serves',
    deadlineMs: 40_000,
    run: async (mesh) => {
      const ca = ownCa(mesh, ownFolder(mesh), { wrapper: ['sh', '-c', 'exec "$@" 2>/dev/full', 'sh'] });
      ca.start();
      await ca.ready(20_000);
      expect('the process to keep running', ca.ending ?? '', ca.isRunning);
    },
  },
  {
    service: 'citadel',
    kind: 'disks',
    name: 'logs to a pipe without a reader',
    describe: 'standard error is a pipe whose reader has exited: the service serves or exits, and does not hang',
    deadlineMs: 40_000,
    run: async (mesh) => {
      const ca = ownCa(mesh, ownFolder(mesh), { wrapper: ['bash', '-c', '"$@" 2> >(sleep 1) &\nwait', 'bash'] });
      ca.start();
      await pause(3000);
      if (ca.isRunning) await ca.ready(10_000);
    },
  },
  {
    service: 'citadel',
    kind: 'disks',
    name: 'traces to a full disk',
    describe: 'no span can be written: the service starts and serves',
    deadlineMs: 40_000,
    run: async (mesh) => {
      const ca = ownCa(mesh, ownFolder(mesh), { flags: { 'trace-file': '/dev/full' } });
      ca.start();
      await ca.ready(20_000);
    },
  },
];
