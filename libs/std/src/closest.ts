/** Longer texts are not compared: the work grows with the product of the lengths. */
const maxLength = 64;

/**
 * The candidate that differs from a text by the fewest edits, in any case, if these are at most a third of its length;
 * undefined when there is none.
 */
export function closest(text: string, candidates: readonly string[]): string | undefined {
  if (text.length > maxLength) return undefined;
  const ranked = candidates
    .map((candidate) => ({ candidate, edits: editsBetween(text.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.edits - b.edits);
  const [best] = ranked;
  return best && best.edits <= best.candidate.length / 3 ? best.candidate : undefined;
}

/** Levenshtein's distance: how many characters must be added, removed or replaced. */
function editsBetween(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i += 1) {
    const current = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(replaced, (previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}
