import type { OwnerReference } from '@flotilla/rules';

/** A Pod as an AdmissionReview carries it: what injection reads is typed, all else passes through. */
export interface PodObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: PodMeta;
  readonly spec: PodSpec;
  readonly [field: string]: unknown;
}
export interface PodMeta {
  readonly name?: string;
  readonly namespace?: string;
  readonly generateName?: string;
  readonly labels?: Strings;
  readonly annotations?: Strings;
  readonly ownerReferences?: readonly OwnerReference[];
  readonly [field: string]: unknown;
}
export type Strings = Readonly<Record<string, string>>;
export interface PodSpec {
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly volumes?: readonly Volume[];
  readonly imagePullSecrets?: readonly { readonly name?: string }[];
  readonly hostNetwork?: boolean;
  readonly serviceAccountName?: string;
  readonly [field: string]: unknown;
}
export interface Volume {
  readonly name: string;
  readonly [source: string]: unknown;
}
export interface EnvVar {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: unknown;
}
export interface ContainerPort {
  readonly name?: string;
  readonly containerPort?: number;
  readonly protocol?: string;
  readonly hostPort?: number;
  readonly hostIP?: string;
}
export interface Container {
  readonly name: string;
  readonly image?: string;
  readonly args?: readonly string[];
  readonly command?: readonly string[];
  readonly env?: readonly EnvVar[];
  readonly ports?: readonly ContainerPort[];
  readonly volumeMounts?: readonly {
    readonly name?: string;
    readonly mountPath: string;
    readonly [field: string]: unknown;
  }[];
  readonly readinessProbe?: Probe;
  readonly livenessProbe?: Probe;
  readonly startupProbe?: Probe;
  readonly [field: string]: unknown;
}
export interface Probe {
  readonly httpGet?: {
    readonly path?: string;
    readonly port: number | string;
    readonly host?: string;
    readonly scheme?: string;
    readonly httpHeaders?: unknown;
  };
  readonly tcpSocket?: { readonly port: number | string; readonly host?: string };
  readonly grpc?: { readonly port: number; readonly service?: string | null };
  readonly timeoutSeconds?: number;
  readonly failureThreshold?: number;
  readonly [field: string]: unknown;
}

/** What a template adds to a pod; it is laid over the pod by Kubernetes' strategic merge. */
export interface PodOverlay {
  readonly metadata: { readonly labels: Strings; readonly annotations: Strings };
  readonly spec: {
    readonly containers?: readonly Container[];
    readonly initContainers?: readonly Container[];
    readonly volumes: readonly Volume[];
    readonly imagePullSecrets?: readonly { readonly name: string }[];
  };
}
