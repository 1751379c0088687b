import { reportSubject, streamName } from '@flotilla/bus-nats';
import { expect, expectEqual, table, type Attack } from '../../attack.ts';
import { connectNats } from '../../clients/nats.ts';
import { service } from './users.ts';

type Row = Omit<Attack, 'service' | 'kind'>;
const shapes = ['fleet'] as const;
const stream = streamName('default');
const directGet = `$JS.API.DIRECT.GET.${stream}`;

/** Galley, taken over, tries what its user may not do: there is no answer. */
const refused = (subject: string): Row => ({
  shapes,
  name: `galley on ${subject}`,
  describe: `a compromised galley sends a request to ${subject}: refused`,
  run: async (mesh) => {
    const galley = await connectNats(mesh, await service(mesh, 'galley'));
    const answer = await galley.request(subject, '{}', { timeout: 2000 }).catch(() => undefined);
    expect('no answer', String(answer?.string()), answer === undefined);
  },
});

/** What a user may do is all that it can do. */
export const rights = table({ service: 'nats', kind: 'nats-rights' }, [
  ...['STREAM.CREATE.other', `STREAM.DELETE.${stream}`, `STREAM.MSG.DELETE.${stream}`, `CONSUMER.CREATE.${stream}`].map(
    (verb) => refused(`$JS.API.${verb}`),
  ),
  refused('$SYS.REQ.SERVER.PING'),
  {
    shapes,
    form: 'short',
    name: "another's reports",
    describe:
      'sidecar-injector, taken over, reports as pilot and listens to reports: galley hears nothing, nor does it',
    run: async (mesh) => {
      const injector = await connectNats(mesh, await service(mesh, 'sidecar-injector'));
      let heard = 0;
      for (const subject of [reportSubject('default', '*'), reportSubject('default', 'pilot')])
        injector.subscribe(subject, { callback: (error) => void (heard += error ? 0 : 1) });
      for (const user of ['pilot', 'sidecar-injector']) {
        const answer = await injector
          .request(reportSubject('default', user), 'x', { timeout: 1000 })
          .catch(() => undefined);
        expect('no answer', String(answer?.string()), answer === undefined);
      }
      // Pilot's reports go on meanwhile.
      const pilot = await connectNats(mesh, await service(mesh, 'pilot'));
      await pilot.request(reportSubject('default', 'pilot'), 'x', { timeout: 2000 }).catch(() => undefined);
      await injector.flush();
      expectEqual('reports heard', heard, 0);
    },
  },
  {
    shapes,
    name: 'a flood of reports',
    describe:
      'a compromised pilot sends 2,000 messages of 250 kB of invented reports: galley keeps what its limits allow',
    run: async (mesh) => {
      const pilot = await connectNats(mesh, await service(mesh, 'pilot'));
      const subject = reportSubject('default', 'pilot');
      for (let i = 0; i < 2000; i += 1) {
        pilot.publish(subject, Buffer.alloc(250_000, i));
        if (i % 20 === 19) await pilot.flush();
      }
      await pilot.flush();
    },
  },
  {
    shapes,
    form: 'short',
    name: 'an answer to the log',
    describe: 'a compromised pilot names the log as its reply subject: nothing is written to it',
    run: async (mesh) => {
      const [galley, pilot] = [
        await connectNats(mesh, await service(mesh, 'galley')),
        await connectNats(mesh, await service(mesh, 'pilot')),
      ];
      const last = async (): Promise<number> =>
        ((await galley.request(`$JS.API.STREAM.INFO.${stream}`)).json() as { state: { last_seq: number } }).state
          .last_seq;
      const before = await last();
      for (let i = 0; i < 100; i += 1)
        pilot.publish(directGet, JSON.stringify({ seq: 1, batch: 10 }), { reply: 'flotilla.default.log.x' });
      await pilot.request(directGet, JSON.stringify({ seq: 1 }));
      expectEqual('messages more', (await last()) - before, 0);
    },
  },
  {
    shapes,
    name: '20,000 subscriptions',
    describe: 'a compromised pilot subscribes 20,000 times: all but a few are refused, and other clients are served',
    run: async (mesh) => {
      const [pilot, another] = [
        await connectNats(mesh, await service(mesh, 'pilot')),
        await connectNats(mesh, await service(mesh, 'pilot')),
      ];
      let heard = 0;
      for (let i = 0; i < 20_000; i += 1) pilot.subscribe('_INBOX_pilot.same', { callback: () => void (heard += 1) });
      await pilot.flush();
      another.publish(directGet, JSON.stringify({ seq: 1 }), { reply: '_INBOX_pilot.same' });
      await Promise.all([another.flush(), pilot.flush()]);
      await pilot.flush();
      expect('at most 64 answers', heard, heard <= 64);
    },
  },
]);
