import { describe, expect, it } from 'vitest';
import { defaultText, jsonFormat, meshFormat, textFormat } from './log-format.ts';

describe('access log formats', () => {
  it('end a line', () => {
    expect(textFormat('x').textFormatSource).toEqual({ inlineString: 'x\n' });
    expect(textFormat('').textFormatSource).toEqual({ inlineString: defaultText });
  });

  it('bring the extensions that they use, of outermost texts only', () => {
    expect(textFormat('%METADATA(A:b)% %REQ_WITHOUT_QUERY(:PATH)%').formatters?.map(({ name }) => name)).toEqual([
      'envoy.formatter.req_without_query',
      'envoy.formatter.metadata',
    ]);
    expect(jsonFormat({ a: { b: '%METADATA(A:b)%' } }).formatters).toBeUndefined();
  });

  it('fall back to the default object for JSON that cannot be read', () => {
    for (const bad of ['{', '[1]', 'null', '']) expect(meshFormat('JSON', bad)).toEqual(jsonFormat());
  });
});
