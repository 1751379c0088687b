import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from './clock.ts';

const dayMs = 24 * 3_600_000;

describe('the clock of the system', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('waits for months as for seconds, though no timer of Node is as long', () => {
    const called = vi.fn();
    systemClock.after(90 * dayMs, called);
    vi.advanceTimersByTime(90 * dayMs - 1);
    expect(called).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(called).toHaveBeenCalledOnce();
  });

  it('can be told not to, however long it has waited', () => {
    const called = vi.fn();
    const cancel = systemClock.after(90 * dayMs, called);
    vi.advanceTimersByTime(60 * dayMs);
    cancel();
    vi.advanceTimersByTime(60 * dayMs);
    expect(called).not.toHaveBeenCalled();
  });
});
