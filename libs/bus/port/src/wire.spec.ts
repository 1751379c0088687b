import { expect, it } from 'vitest';
import { objectKey } from '@flotilla/model';
import { encodeBatch } from './encoded.ts';
import { FormatError } from './format.ts';
import { batchFromBytes, batchToBytes } from './wire.ts';

const batch = encodeBatch({
  session: 's',
  seq: 7,
  put: [
    {
      resource: {
        collection: 'gateways',
        apiVersion: 'networking.istio.io/v1beta1',
        kind: 'Gateway',
        meta: { name: 'a', namespace: 'shop', cluster: 'east' },
        spec: {},
      },
      trace: '00-1-1-01',
    },
  ],
  delete: [{ collection: 'gateways', key: objectKey({ namespace: 'shop', name: 'b', cluster: 'east' }) }],
  complete: ['gateways'],
  writer: { format: { major: 2, minor: 3 }, collections: ['gateways', 'gizmos'] },
});
/** A field of bytes that this version does not know: number 200. */
const unknownField = Buffer.from([0xc2, 0x0c, 0x03, 0x6e, 0x65, 0x77]);

it('reads what it writes, and ignores fields that it does not know', () => {
  const bytes = batchToBytes(batch);
  expect(batchFromBytes(bytes)).toEqual(batch);
  expect(batchFromBytes(Buffer.concat([unknownField, bytes, unknownField]))).toEqual(batch);
});

it.each([
  [{ major: 3, minor: 0 }, 'galley writes format 3.0 of the bus and this service reads 2.x: upgrade this service'],
  // Its keys are texts without a cluster.
  [{ major: 1, minor: 0 }, 'galley writes format 1.0 of the bus and this service reads 2.x: upgrade galley'],
])('refuses format %o, with what to upgrade', (format, message) => {
  const bytes = batchToBytes({ ...batch, writer: { ...batch.writer, format } });
  expect(() => batchFromBytes(bytes)).toThrow(FormatError);
  expect(() => batchFromBytes(bytes)).toThrow(message);
});

it('refuses a higher major by its format alone, whatever else the message has become', () => {
  // Field 7 is the major, 3; field 3 was a list of messages and is a number.
  expect(() => batchFromBytes(Buffer.from([0x18, 0x05, 0x38, 0x03]))).toThrow('upgrade this service');
});
