import { status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { names, serve } from './ads-server.fixture.ts';

describe('unknown names', () => {
  it('those of all streams of a client end the one that exceeds their limit', async () => {
    const { open, hits } = await serve();
    const [first, more] = [open(), open()];
    first.read();
    first.ask({ node: { id: 'guesser' }, resourceNames: ['a'] });
    await first.next();
    more.ask({ node: { id: 'guesser' }, resourceNames: ['a'] });
    expect(await more.ended).toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
      details:
        "too many unknown names on all streams of 127.0.0.1: ask for less, or raise pilot's --xds-unknown-names-per-identity",
    });
    expect(hits).toEqual(['xds_unknown_names_per_identity']);
  });

  it('a large request with too many of them is refused before any of it is answered', async () => {
    const { open, hits, happened } = await serve({
      xdsNamesPerType: 3000,
      xdsNames: 3000,
      xdsNamesPerIdentity: 10_000,
      xdsTotalNames: 10_000,
      xdsRequestBytes: 100_000,
    });
    const [few, many] = [open('Delta'), open('Delta')];
    few.read();
    few.askDelta({ resourceNamesSubscribe: [...names(1500), ...names(10, 'unknown')] });
    await few.next();
    many.askDelta({ resourceNamesSubscribe: [...names(1500), ...names(11, 'unknown')] });
    expect(await many.ended).toMatchObject({ code: status.RESOURCE_EXHAUSTED });
    expect(hits).toEqual(['xds_unknown_names_per_identity']);
    many.stream.cancel();
    const kinds: string[] = [];
    for await (const kind of happened) if (kinds.push(kind) && kind === 'closed') break;
    expect(kinds.filter((kind) => kind === 'subscribed')).toHaveLength(2);
  });
});
