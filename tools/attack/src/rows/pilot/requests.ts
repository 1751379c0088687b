import { status } from '@grpc/grpc-js';
import { expect, table } from '../../attack.ts';
import { types } from '../../clients/ads.ts';

const names = (count: number, from = 0): string[] => Array.from({ length: count }, (_, i) => `n${from + i}`);

/** Requests that any workload may send on 15012. */
export const requests = table({ service: 'pilot', kind: 'requests' }, [
  {
    // ddf8edd: 11 to 15 s without health.
    name: 'many requests after many names', form: 'quick', describe: '18,000 names, then 1,500 requests for one more each: nobody else waits',
    run: async (mesh) => {
      const stream = await mesh.stream();
      stream.send({ typeUrl: types.eds, resourceNamesSubscribe: names(18_000) });
      for (let i = 0; i < 1500; i += 1) stream.send({ typeUrl: types.eds, resourceNamesSubscribe: [`more${i}`] });
      stream.send({ typeUrl: types.cds });
      await stream.next(({ message }) => message.typeUrl === types.cds, 20_000).catch(() => {});
    },
  },
  {
    name: 'more names than a stream may have', form: 'short', describe: '1,000,000 names in SotW: the stream ends with RESOURCE_EXHAUSTED',
    run: async (mesh) => {
      const stream = await mesh.stream({ variant: 'sotw' });
      stream.send({ typeUrl: types.eds, resourceNames: names(400_000) });
      const ended = await stream.end(10_000);
      expect('RESOURCE_EXHAUSTED', ended === 'ended' ? ended : ended.details, ended !== 'ended' && ended.code === status.RESOURCE_EXHAUSTED);
    },
  },
]);
