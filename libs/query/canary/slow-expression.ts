// Lint must refuse this: it takes time exponential in its text.
export const isDuration = (text: string): boolean => /^(\d+\.?\d*)+s$/.test(text);
