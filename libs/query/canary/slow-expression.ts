// This takes time exponential in its text.
export const isDuration = (text: string): boolean => /^(\d+\.?\d*)+s$/.test(text); // refused: redos/no-vulnerable
