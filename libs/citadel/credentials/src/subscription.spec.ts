import { describe, expect, it } from 'vitest';
import type { CredentialUpdate } from '@flotilla/model';
import { Subscription } from './subscription.ts';

type Verdict = 'allowed' | 'refused';
const credential = { certificate: Buffer.from('C'), key: Buffer.from('K') };

/** A subscription whose readers nobody has decided about yet. */
function open() {
  const verdicts = new Map<string, Verdict>();
  const listeners = new Map<string, () => void>();
  const subscription = new Subscription({
    secrets: { follow: () => ({ current: () => credential, end: () => {} }) },
    access: {
      follow(account, onChange) {
        listeners.set(account, onChange);
        return { current: () => verdicts.get(account), end: () => {} };
      },
    },
    onEnd: () => {},
  });
  subscription.start();
  return {
    subscription,
    decide(account: string, verdict: Verdict): void {
      verdicts.set(account, verdict);
      listeners.get(account)?.();
    },
    next: async () => {
      const { put, delete: gone, pending } = (await subscription.next()).value as CredentialUpdate;
      return { put: [...put.keys()], gone, pending };
    },
  };
}

describe('names whose readers are not decided about', () => {
  it('are pending, so that who connects again keeps what it has, until a reader is allowed', async () => {
    const { subscription, decide, next } = open();
    subscription.addReader('shop/gateway');
    subscription.add('shop/web');
    expect(await next()).toEqual({ put: [], gone: [], pending: ['shop/web'] });
    decide('shop/gateway', 'allowed');
    expect(await next()).toEqual({ put: ['shop/web'], gone: [], pending: [] });
  });

  it('are gone once all readers are refused, or have left', async () => {
    const { subscription, decide, next } = open();
    for (const account of ['shop/one', 'shop/two']) subscription.addReader(account);
    subscription.add('shop/web');
    expect((await next()).pending).toEqual(['shop/web']);
    decide('shop/one', 'refused');
    expect((await next()).pending).toEqual(['shop/web']);
    subscription.dropReader('shop/two');
    expect(await next()).toEqual({ put: [], gone: ['shop/web'], pending: [] });
  });

  it('are gone where there is no reader', async () => {
    const { subscription, next } = open();
    subscription.add('shop/web');
    expect(await next()).toEqual({ put: [], gone: ['shop/web'], pending: [] });
  });
});
