import type { ServerResponse } from 'node:http';

export interface AnswerWriterOptions {
  /**
   * Bytes of all answers that clients have not taken yet. One more ends the connection of the answer that has been
   * waiting longest.
   */
  readonly maxTotal: number;
  onTotal(): void;
}
/** Ends a response with a body. */
export type AnswerWriter = (response: ServerResponse, body: string) => void;

/** Writes answers from memory, within a limit: clients that do not read cost no more than that. */
export function createAnswerWriter({ maxTotal, onTotal }: AnswerWriterOptions): AnswerWriter {
  const waiting = new Map<ServerResponse, number>();
  let total = 0;
  const release = (response: ServerResponse): void => {
    total -= waiting.get(response) ?? 0;
    waiting.delete(response);
  };
  return (response, body) => {
    const size = Buffer.byteLength(body);
    waiting.set(response, size);
    total += size;
    response.once('close', () => release(response));
    response.end(body);
    for (const longest of waiting.keys()) {
      if (total <= maxTotal || longest === response) break;
      onTotal();
      release(longest);
      longest.destroy();
    }
  };
}
