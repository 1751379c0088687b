import type { PeerReport } from './peers.ts';
import { splitOf, type Tally } from './tally.ts';

const recentMs = 2000;
const bar = (share: number): string => '█'.repeat(Math.round(share / 4)).padEnd(25, '·');

/** What goes on at this moment, in a few lines; the first alone says the most of it. */
export function drawTraffic(tally: Tally, peers: PeerReport, now = Date.now()): string[] {
  const recent = tally.window(now - recentMs, now);
  const split = Object.entries(splitOf(recent.versions));
  const rate = ((recent.requests / recentMs) * 1000).toFixed(0);
  const faults = tally.faults > 0 ? `, ${tally.faults} injected faults` : '';
  return [
    `  ${rate.padStart(4)} requests/s, ${tally.requests} in all, ${tally.errors} errors${faults}; reviews ${split.map(([version, share]) => `${version} ${share} %`).join(', ')}; mTLS ${peers.verified} of ${peers.pairs} hops`,
    ...split.map(([version, share]) => `  reviews ${version} ${bar(share)} ${String(share).padStart(3)} %`),
    ...[...peers.edges]
      .sort()
      .map(([edge, count]) => `  ${String(count).padStart(6)} × ${edge.replaceAll('spiffe://cluster.local/', '')}`),
  ];
}
