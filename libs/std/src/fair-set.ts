export interface FairSetOptions {
  /** The most members that are held at a time, of all groups together. */
  readonly most: number;
  groupOf(member: string): string;
  /** Called when a member is held, at once or after it has waited. */
  hold(member: string): void;
  /** Called when a held member has left. */
  release?(member: string): void;
}

/**
 * Holds a limited number of members; further ones wait until others leave. A group that holds as many members as are
 * free gets no more, so that none can take the room of all others: with n busy groups a share of 1/(n + 1) stays free
 * (Choudhury and Hahne, "Dynamic Queue Length Thresholds"). Groups that wait take turns.
 */
export interface FairSet {
  /** Whether the member is held; otherwise it waits. A member must not be added twice. */
  add(member: string): boolean;
  /** Removes a member, held or waiting; has no effect for others. */
  delete(member: string): void;
  isHeld(member: string): boolean;
  isWaiting(member: string): boolean;
  readonly waitingCount: number;
}

export function createFairSet({ most, groupOf, hold, release = () => {} }: FairSetOptions): FairSet {
  const held = new Set<string>();
  const counts = new Map<string, number>();
  /** Waiting members by group; the group whose turn is next comes first. */
  const waiting = new Map<string, Set<string>>();
  let waitingCount = 0;

  const hasRoom = (group: string): boolean => (counts.get(group) ?? 0) < most - held.size;
  function count(group: string, more: number): void {
    const left = (counts.get(group) ?? 0) + more;
    if (left > 0) counts.set(group, left);
    else counts.delete(group);
  }
  function take(member: string, group: string): void {
    held.add(member);
    count(group, 1);
    hold(member);
  }

  /** Holds one member that waits; returns whether there was one that may be held. */
  function admitNext(): boolean {
    for (const [group, members] of waiting) {
      const [next] = members;
      if (next === undefined || !hasRoom(group)) continue;
      stopWaiting(next, group);
      const rest = waiting.get(group);
      // Its next turn comes after those of the others.
      if (rest && waiting.delete(group)) waiting.set(group, rest);
      take(next, group);
      return true;
    }
    return false;
  }

  function stopWaiting(member: string, group: string): boolean {
    const members = waiting.get(group);
    if (!members?.delete(member)) return false;
    waitingCount -= 1;
    if (members.size === 0) waiting.delete(group);
    return true;
  }

  return {
    add(member) {
      const group = groupOf(member);
      if (hasRoom(group)) {
        take(member, group);
        return true;
      }
      const members = waiting.get(group) ?? new Set();
      waiting.set(group, members.add(member));
      waitingCount += 1;
      return false;
    },
    delete(member) {
      const group = groupOf(member);
      if (stopWaiting(member, group) || !held.delete(member)) return;
      count(group, -1);
      release(member);
      while (admitNext());
    },
    isHeld: (member) => held.has(member),
    isWaiting: (member) => waiting.get(groupOf(member))?.has(member) ?? false,
    get waitingCount() {
      return waitingCount;
    },
  };
}
