import { envoy } from '@flotilla/proto-gen/envoy';

type IFractionalPercent = envoy.type.v3.IFractionalPercent;

/** A Percent (0 to 100, fractions too) in millionths, as Istio writes it. */
export const fractionOf = (percent: { readonly value?: number }): IFractionalPercent => ({
  numerator: Math.trunc((percent.value ?? 0) * 10_000),
  denominator: envoy.type.v3.FractionalPercent.DenominatorType.MILLION,
});

/** Whole percents. */
export const wholePercent = (numerator: number): IFractionalPercent => ({ numerator });
