import { AsyncQueue } from '@flotilla/std';
import { describeBus, describeBusVersions, describeReports } from '@flotilla/testing';
import { createInProcessBus } from './in-process.ts';

describeBus('in-process', () => Promise.resolve(createInProcessBus()));

describeReports('in-process', () => Promise.resolve({ ...createInProcessBus(), reporter: 'pilot' }));

// Another galley in one process is another session.
describeBusVersions('in-process', () => {
  const problems = new AsyncQueue<string>();
  const bus = createInProcessBus({ onProblem: (message) => problems.push(message) });
  return Promise.resolve({
    next: () => Promise.resolve(bus),
    problem: async () => (await problems.next()).value as string,
    subscribe: bus.subscribe,
    close: bus.close,
  });
});
