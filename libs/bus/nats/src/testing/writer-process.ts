import { createInterface } from 'node:readline';
import type { AnyResource } from '@flotilla/model';
import type { NatsBusOptions } from '../connection.ts';
import { createNatsBus } from '../nats.ts';

/**
 * A galley as a process of its own, so that it can be stopped and killed. Its argument is JSON; each line on stdin
 * makes it publish its next version, in which all resources have the same large value; it writes `role ROLE` and
 * `published VERSION` lines.
 */
interface Arguments {
  readonly options: NatsBusOptions;
  readonly session: string;
  readonly resources: readonly AnyResource[];
}
const { options, session, resources } = JSON.parse(process.argv[2] ?? '') as Arguments;
const say = (text: string): void => void process.stdout.write(`${text}\n`);
const bus = await createNatsBus({ ...options, instance: session, onRole: (role) => say(`role ${role}`) });
process.once('SIGTERM', () => void bus.close().then(() => process.exit(0)));
let version = 0;
for await (const _ of createInterface({ input: process.stdin })) {
  version += 1;
  const spec = { hosts: [`${session}/${version}${'.'.repeat(40_000)}`] };
  const put = resources.map((resource) => ({ resource: { ...resource, spec } as AnyResource }));
  await bus.publish({ session, seq: version, put, delete: [], complete: ['service-entries'] });
  say(`published ${version}`);
}
