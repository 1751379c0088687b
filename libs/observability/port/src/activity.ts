/**
 * What is worked on: its name for people, and a hash of its content where it is an object that can be passed over when
 * the process hangs on it.
 */
export interface WorkedOn {
  readonly name: string;
  readonly hash?: string;
}

/** Notes what the process works on, so that its watchdog can name it when the process hangs. */
export interface Activity {
  /**
   * Runs `work`; work on something else within it is noted instead while that lasts. Returns what it returns, throws
   * what it throws.
   */
  during<T>(on: WorkedOn, work: () => T): T;
  /**
   * A cheaper way for work in many small steps: `list` is called only when the process hangs, and says where it is,
   * outermost first.
   */
  within(list: () => readonly string[]): void;
}

export const noActivity: Activity = { during: (_on, work) => work(), within: () => {} };
