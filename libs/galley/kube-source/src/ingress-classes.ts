import type { KubeObject, WatchEvent } from '@flotilla/kube-port';
import type { SourceEvent } from '@flotilla/model';
import { ingressClassAnnotation, isIstioIngress, istioIngressController, type IngressSettings } from '@flotilla/rules';
import { isRecord } from '@flotilla/std';

const textIn = (object: KubeObject, field: string): string | undefined => {
  const { spec } = object as { readonly spec?: unknown };
  const value = isRecord(spec) ? spec[field] : undefined;
  return typeof value === 'string' ? value : undefined;
};

/** What decides whose Ingresses are: the IngressClasses of a cluster, and the mesh configuration. */
export class IngressClasses {
  readonly #controllers = new Map<string, string>();
  #settings: IngressSettings = {};
  readonly #onChange = new Set<() => void>();

  /** Calls back when Ingresses may be others' now, or Istio's. */
  onChange(callback: () => void): void {
    this.#onChange.add(callback);
  }

  /** Takes note of the mesh configuration among the events of the source. */
  noteMesh(events: readonly SourceEvent[]): void {
    for (const event of events) {
      if (!('collection' in event) || event.collection !== 'mesh-config') continue;
      if (event.type === 'object') this.#settings = isRecord(event.object) ? event.object : {};
      else if (event.type === 'gone') this.#settings = {};
      else continue;
      this.#changed();
    }
  }

  /** Takes note of an event about IngressClasses. */
  noteClass(event: WatchEvent): void {
    if (event.type === 'listing') this.#controllers.clear();
    else if (event.type === 'found')
      this.#controllers.set(event.object.metadata.name, textIn(event.object, 'controller') ?? '');
    else if (event.type === 'gone') this.#controllers.delete(event.object.metadata.name);
    else if (event.type !== 'synced') return;
    this.#changed();
  }

  /** Whether Istio takes this Ingress. */
  isIstiosIngress(ingress: KubeObject): boolean {
    const { annotations = {} } = ingress.metadata;
    const className = textIn(ingress, 'ingressClassName');
    const controller = className === undefined ? undefined : this.#controllers.get(className);
    return isIstioIngress({ annotation: annotations[ingressClassAnnotation], controller }, this.#settings);
  }

  isIstiosClass(ingressClass: KubeObject): boolean {
    return textIn(ingressClass, 'controller') === istioIngressController;
  }

  #changed(): void {
    for (const callback of this.#onChange) callback();
  }
}

/** The parts of an Ingress or IngressClass that this reads. */
export const classPartsOf = (object: KubeObject): KubeObject => {
  const { apiVersion, kind, metadata } = object;
  const { name, namespace, resourceVersion, generation, annotations } = metadata;
  const annotation = annotations?.[ingressClassAnnotation];
  const [ingressClassName, controller] = [textIn(object, 'ingressClassName'), textIn(object, 'controller')];
  return {
    apiVersion,
    kind,
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
      ...(generation === undefined ? {} : { generation }),
      ...(annotation === undefined ? {} : { annotations: { [ingressClassAnnotation]: annotation } }),
    },
    spec: {
      ...(ingressClassName === undefined ? {} : { ingressClassName }),
      ...(controller === undefined ? {} : { controller }),
    },
  };
};
