// Lint must refuse this: nobody knows how long a user's expression takes.
export const matches = (pattern: string, text: string): boolean => new RegExp(pattern).test(text);
