/** The annotation that named the class of an Ingress before `spec.ingressClassName`. */
export const ingressClassAnnotation = 'kubernetes.io/ingress.class';
/** `spec.controller` of the IngressClasses that are Istio's. */
export const istioIngressController = 'istio.io/ingress-controller';

/** What says which controller an Ingress is for. */
export interface IngressClassNames {
  /** Its annotation. */
  readonly annotation?: string | undefined;
  /** The controller of the IngressClass that it names; undefined without one, or where that does not exist. */
  readonly controller?: string | undefined;
}
/** The fields of MeshConfig that decide. */
export interface IngressSettings {
  readonly ingressControllerMode?: string | undefined;
  readonly ingressClass?: string | undefined;
}

/**
 * Whether Istio takes an Ingress for its own (Istio's ingress.shouldProcessIngressWithClass; MeshConfig's defaults are
 * STRICT and `istio`). In mode OFF it takes none; one that has no class is only taken in mode DEFAULT.
 */
export function isIstioIngress(
  { annotation, controller }: IngressClassNames,
  { ingressControllerMode = 'STRICT', ingressClass = 'istio' }: IngressSettings,
): boolean {
  if (ingressControllerMode === 'OFF') return false;
  if (annotation !== undefined) return ingressControllerMode !== 'UNSPECIFIED' && annotation === ingressClass;
  if (controller !== undefined) return controller === istioIngressController;
  return ingressControllerMode === 'DEFAULT';
}
