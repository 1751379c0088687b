import { table, type Attack } from '../../attack.ts';
import { nodeOf, types } from '../../clients/ads.ts';
import { forgery } from '../../suite/judge.ts';

const forged = `refused\n{"level":"error","service":"pilot","msg":"${forgery}"}\u001b[2J\u2028\u202e`;

/** What proxies say ends up in logs: cut, escaped, and only so many lines of one peer. */
export const logs: readonly Attack[] = table({ service: 'pilot', kind: 'logs' }, [
  {
    // ddf8edd: each refusal in full.
    name: '500 rejections with 20 kB each',
    form: 'short',
    describe: 'a proxy that rejects each response with a long message that looks like a log line: the log stays small',
    bounds: { logKb: 256 },
    run: async (mesh) => {
      const stream = await mesh.stream({ variant: 'sotw' });
      stream.send({ typeUrl: types.cds });
      const { message } = await stream.next(({ message: answer }) => answer.typeUrl === types.cds, 10_000);
      for (let i = 0; i < 500; i += 1)
        stream.send({
          typeUrl: types.cds,
          responseNonce: message.nonce,
          errorDetail: { message: `${i} ${forged}${'x'.repeat(20_000)}` },
        });
      stream.send({ typeUrl: types.lds });
      await stream.next(({ message: answer }) => answer.typeUrl === types.lds, 10_000);
    },
  },
  {
    name: '500 connections of made-up nodes',
    describe: 'a peer that reconnects under other names: its log lines stay within the limit per minute',
    bounds: { logKb: 256 },
    run: async (mesh) => {
      for (let i = 0; i < 500; i += 25) {
        await Promise.all(
          Array.from({ length: 25 }, async (_, j) => {
            const stream = await mesh.stream({
              nodeId: nodeOf('shop', { name: `made-up-${i + j}-${'x'.repeat(200)}` }),
            });
            stream.send({ typeUrl: types.cds });
            await stream.next(() => true, 10_000).catch(() => {});
            stream.close();
          }),
        );
      }
    },
  },
]);
