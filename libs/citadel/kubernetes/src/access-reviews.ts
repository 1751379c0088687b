import type { AccessReader } from '@flotilla/citadel-credentials';
import { reviewAccess, type KubeApi } from '@flotilla/kube-port';
import type { Logger } from '@flotilla/observability-port';
import { createBackoff, createSlots, messageOf, systemClock, type Backoff, type Clock } from '@flotilla/std';

export interface AccessReviewsOptions {
  readonly api: KubeApi;
  readonly log: Logger;
  readonly clock?: Clock;
  /** Uniform from 0 to 1. */
  readonly random?: () => number;
}

/** How long a verdict is used before it is checked again (as in Istio's pilot/pkg/credentials/kube). */
const verdictMs = 60_000;
/**
 * A refusal is checked again sooner, with growing pauses: somebody may be waiting for a right that was just granted.
 */
const firstRefusedMs = 2000;
/** Requests to the API server at a time. */
const maxReviews = 20;

/**
 * Checks with the API server whether ServiceAccounts may list Secrets in their own namespace, which Istio requires
 * before it serves credentials to a proxy. A permission is checked again after a minute, a refusal after 2 seconds,
 * then 4 and so on. While the API server does not answer, the last verdict stays in force.
 */
export function createAccessReviews(options: AccessReviewsOptions): AccessReader {
  const slots = createSlots(maxReviews);
  const reviews = new Map<string, AccessReview>();
  return {
    follow(account, onChange) {
      const review = reviews.get(account) ?? new AccessReview(account, { ...options, run: slots.run });
      reviews.set(account, review);
      const listener = { onChange };
      review.listeners.add(listener);
      return {
        current: () => review.verdict,
        end() {
          if (!review.listeners.delete(listener) || review.listeners.size > 0) return;
          review.stop();
          reviews.delete(account);
        },
      };
    },
  };
}

interface ReviewOptions extends AccessReviewsOptions {
  readonly run: (work: () => Promise<void>) => Promise<unknown>;
}

class AccessReview {
  readonly listeners = new Set<{ readonly onChange: () => void }>();
  verdict: 'allowed' | 'refused' | undefined;
  readonly #account: string;
  readonly #options: ReviewOptions;
  readonly #clock: Clock;
  readonly #pauses: Readonly<Record<'refused' | 'failed', Backoff>>;
  #cancel = (): void => {};
  #isStopped = false;
  #isFailing = false;

  constructor(account: string, options: ReviewOptions) {
    const { clock = systemClock, random = Math.random } = options;
    this.#account = account;
    this.#options = options;
    this.#clock = clock;
    this.#pauses = {
      refused: createBackoff({ firstMs: firstRefusedMs, mostMs: verdictMs, random }),
      failed: createBackoff({ firstMs: 200, mostMs: 30_000, random }),
    };
    void this.#ask();
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel();
  }

  async #ask(): Promise<void> {
    let pauseMs = verdictMs;
    await this.#options.run(async () => {
      if (this.#isStopped) return;
      try {
        const isAllowed = await reviewAccess(this.#options.api, accessOf(this.#account));
        this.#isFailing = false;
        this.#pauses.failed.reset();
        if (isAllowed) this.#pauses.refused.reset();
        else pauseMs = this.#pauses.refused.next();
        this.#set(isAllowed ? 'allowed' : 'refused');
      } catch (thrown) {
        pauseMs = this.#pauses.failed.next();
        if (!this.#isFailing)
          this.#options.log.warn('the API server does not say who may read Secrets; trying again', {
            serviceAccount: this.#account,
            problem: messageOf(thrown),
          });
        this.#isFailing = true;
      }
    });
    if (!this.#isStopped) this.#cancel = this.#clock.after(pauseMs, () => void this.#ask());
  }

  #set(verdict: 'allowed' | 'refused'): void {
    if (this.#isStopped || verdict === this.verdict) return;
    this.verdict = verdict;
    this.#options.log.info(
      verdict === 'allowed' ? 'a ServiceAccount may have credentials' : 'a ServiceAccount may have no credentials',
      { serviceAccount: this.#account },
    );
    for (const { onChange } of [...this.listeners]) onChange();
  }
}

/** A ServiceAccount as the API server knows it by its token (Kubernetes, "Authenticating": service account tokens). */
function accessOf(account: string) {
  const [namespace = '', name = ''] = account.split('/');
  return {
    user: `system:serviceaccount:${namespace}:${name}`,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
    verb: 'list',
    resource: 'secrets',
    namespace,
  };
}
