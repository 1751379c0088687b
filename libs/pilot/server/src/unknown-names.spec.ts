import { status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { serve } from './ads-server.fixture.ts';

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
});
