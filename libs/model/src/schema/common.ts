import { double, enumeration, map, message, repeated, string, uint, type Infer } from './schema.ts';

/** istio.type.v1beta1.WorkloadSelector */
export const WorkloadSelector = message({ matchLabels: map(string) });
/** istio.networking.v1alpha3.WorkloadSelector */
export const LabelsSelector = message({ labels: map(string) });
export const StringMatch = message({ exact: string, prefix: string, regex: string }, [['exact', 'prefix', 'regex']]);
export type StringMatch = Infer<typeof StringMatch>;
export const PortSelector = message({ number: uint });
export const Port = message({ number: uint, protocol: string, name: string, targetPort: uint });
export type Port = Infer<typeof Port>;
export const TLSmode = enumeration(['DISABLE', 'SIMPLE', 'MUTUAL', 'ISTIO_MUTUAL']);
export const LabelSelector = message({
  matchLabels: map(string),
  matchExpressions: repeated(message({ key: string, operator: string, values: repeated(string) })),
});
export const Percent = message({ value: double });
