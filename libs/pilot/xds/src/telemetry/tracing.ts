import { proxyConfig, setting, worldQuery, type View } from '@flotilla/pilot-world';
import { u32, type envoy } from '@flotilla/proto-gen/envoy';
import { applicableTelemetries, onSide, providerNamed, type Side } from './telemetry.ts';
import { buildTags, type CustomTags } from './trace-tags.ts';
import { buildTracer } from './tracers.ts';

type ITracing = envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.ITracing;

/** How an HTTP connection manager traces. */
export interface Tracing {
  /** Undefined when nothing is traced. */
  readonly config?: ITracing;
  readonly childSpans: boolean;
  /** Whether the request's id decides whether it is sampled. */
  readonly samplesById: boolean;
}
const none: Tracing = { childSpans: false, samplesById: true };

/** One request of a hundred unless it is said. */
const defaultSampling = 1;
const sampled = (value: number): Pick<ITracing, 'clientSampling' | 'randomSampling' | 'overallSampling'> => ({
  clientSampling: { value: 100 },
  randomSampling: { value },
  overallSampling: { value: 100 },
});

/** What Telemetry sets on one side: a later entry replaces what it sets. */
interface Asked {
  readonly provider?: string;
  readonly disabled: boolean;
  readonly sampling: number;
  readonly tags?: CustomTags;
  readonly samplesById: boolean;
}
function asked(view: View, side: Side): Asked | undefined {
  const [byDefault] = setting(view, 'defaultProviders')?.tracing ?? [];
  const entries = view.query(applicableTelemetries, '').flatMap(({ tracing }) => tracing ?? []);
  if (entries.length === 0 && byDefault === undefined) return undefined;
  return entries
    .filter(({ match }) => onSide(match, side))
    .reduce<Asked>(
      (
        before,
        { providers, disableSpanReporting, customTags, randomSamplingPercentage, useRequestIdForTraceSampling },
      ) => ({
        ...before,
        ...(providers?.length ? { provider: providers[0]?.name ?? '' } : {}),
        ...(customTags ? { tags: customTags } : {}),
        disabled: disableSpanReporting ?? before.disabled,
        sampling: randomSamplingPercentage ?? before.sampling,
        samplesById: useRequestIdForTraceSampling ?? before.samplesById,
      }),
      { ...(byDefault === undefined ? {} : { provider: byDefault }), disabled: false, sampling: 0, samplesById: true },
    );
}

/**
 * Tracing on a side, by Telemetry and the mesh's default provider, else by the proxy's own configuration (Istio's
 * configureTracing). Where Telemetry speaks, sampling that nobody sets is none, and of the proxy's configuration only
 * tags and the length of paths count. Key: the side.
 */
export const tracingOf = worldQuery('tracing', (view, side: Side): Tracing => {
  const own = view.query(proxyConfig, '').tracing;
  const longest = (length: number): Pick<ITracing, 'maxPathTagLength'> =>
    length > 0 ? { maxPathTagLength: u32(length) } : {};
  const want = asked(view, side);
  if (!want) {
    if (setting(view, 'enableTracing') === false) return none;
    const given = own?.sampling || defaultSampling;
    return {
      ...none,
      config: {
        ...sampled(given > 100 ? defaultSampling : given),
        customTags: buildTags(view, own?.customTags ?? {}),
        ...longest(own?.maxPathTagLength ?? 0),
      },
    };
  }
  const provider = want.provider === undefined || want.disabled ? undefined : providerNamed(view, want.provider);
  const tracer = provider && buildTracer(view, provider);
  if (!tracer) return none;
  const tags = Object.keys(want.tags ?? {}).length > 0 ? want.tags : own?.customTags;
  return {
    childSpans: tracer.childSpans,
    samplesById: want.samplesById,
    config: {
      ...sampled(want.sampling),
      customTags: buildTags(view, tags ?? {}),
      ...longest(tracer.maxTagLength || (own?.maxPathTagLength ?? 0)),
      provider: tracer.provider,
    },
  };
});
