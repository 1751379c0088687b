import { parseNanoseconds, parseQuantity, parseSeconds } from '@flotilla/std';
import { inOrder, number, oneOf, repeated } from '../grammar.ts';
import type { FuzzTarget } from '../target.ts';

const amount = oneOf(number, inOrder(number, '.', number), inOrder('.', number), inOrder('0', number));

/** Durations as Go writes them (time.ParseDuration) and as protobuf's JSON does. */
export const durations: FuzzTarget = {
  name: 'durations',
  generate: inOrder(
    oneOf('', '-', '+'),
    repeated(inOrder(amount, oneOf('h', 'm', 's', 'ms', 'us', 'µs', 'μs', 'ns')), 60),
    oneOf('', '', '', 'x'),
  ),
  words: ['1h', '.', 'ms', 'µs', '99999999999999999999', '1e9'],
  read(input) {
    const text = input.toString('utf8');
    return [parseNanoseconds(text), parseSeconds(text)];
  },
};

/** Kubernetes' resource quantities. */
export const quantities: FuzzTarget = {
  name: 'quantities',
  generate: inOrder(
    oneOf('', '-', '+'),
    amount,
    oneOf('', 'm', 'k', 'Ki', 'Mi', 'Gi', 'E', 'n', 'u', inOrder(oneOf('e', 'E'), oneOf('', '-'), number)),
  ),
  words: ['1e9', 'Ki', '0'.repeat(50), 'e-', 'E99999999'],
  read: (input) => parseQuantity(input.toString('utf8')),
};
