// Nobody knows how long a user's expression takes.
export const matches = (pattern: string, text: string): boolean => new RegExp(pattern).test(text); // refused: no-restricted-syntax
export const finds = (text: string): unknown => text.search('a+'); // refused: no-restricted-syntax
