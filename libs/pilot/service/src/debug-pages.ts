import {
  jsonAnswer,
  problemsPage,
  textAnswer,
  type PageAnswer,
  type PageGuard,
  type Pages,
} from '@flotilla/observability-port';
import { configDump, syncStatus, type ConnectedProxy } from '@flotilla/pilot-debug';
import { inTurns } from '@flotilla/std';
import type { PilotProblem } from './problems.ts';

export interface DebugPagesOptions {
  /** The connected proxies. */
  proxies(): Iterable<ConnectedProxy>;
  problems(): readonly PilotProblem[];
  /** For pages about proxies. */
  readonly guard: PageGuard;
}

/** Pilot's debug interface, by Istio's paths. */
export function debugPages({ proxies, problems, guard }: DebugPagesOptions): Pages {
  /** Dumps are made one after the other, because each may be large. */
  let last: Promise<unknown> = Promise.resolve();
  return {
    '/debug/problems': problemsPage(problems),
    '/debug/syncz': {
      summary: 'which responses each connected proxy was sent and has acknowledged, as JSON for istioctl',
      guard,
      answer: () => jsonAnswer(syncStatus(proxies())),
    },
    '/debug/config_dump': {
      summary: '?proxyID=NAME.NAMESPACE: what that proxy should have, like its own config_dump; &include_eds=true',
      guard,
      answer({ query }) {
        const id = query.get('proxyID') ?? '';
        if (id === '')
          return textAnswer(['name a proxy: ?proxyID=NAME.NAMESPACE; /debug/syncz lists the connected ones'], 400);
        const proxy = [...proxies()].find((one) => one.id === id);
        if (!proxy)
          return textAnswer(
            ['no such proxy is connected to this pilot; it may be connected to another one, see /debug/syncz'],
            404,
          );
        const dump = last.then(() => dumpOf(proxy, query.get('include_eds') === 'true'));
        last = dump.catch(() => {});
        return dump;
      },
    },
  };
}

async function dumpOf(proxy: ConnectedProxy, includeEndpoints: boolean): Promise<PageAnswer> {
  const pieces: string[] = [];
  await inTurns(collecting(configDump(proxy, { includeEndpoints }), pieces));
  return { contentType: 'application/json', text: pieces.join('') };
}

function* collecting(pieces: Iterable<string>, into: string[]): Iterable<void> {
  for (const piece of pieces) {
    into.push(piece);
    yield;
  }
}
