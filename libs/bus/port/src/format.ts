import { collections, type BatchFormat, type BatchWriter } from '@flotilla/model';

/**
 * The format of this version. Its major changes when readers of the one before would misunderstand it; a field or a
 * collection that they can ignore is a higher minor.
 */
const format: BatchFormat = { major: 2, minor: 1 };

/** What galley of this version writes. */
export const thisWriter: BatchWriter = { format, collections };

/** A batch in a format that this version does not read. The reader keeps what it has. */
export class FormatError extends Error {}

/** Throws FormatError for a format of `writer` that this version does not read, with what to upgrade. */
export function checkFormat({ major, minor }: BatchFormat, writer = 'galley'): void {
  if (major === format.major) return;
  const outdated = major > format.major ? 'this service' : writer;
  throw new FormatError(
    `${writer} writes format ${major}.${minor} of the bus and this service reads ${format.major}.x: upgrade ${outdated}; what was read before stays in force`,
  );
}
