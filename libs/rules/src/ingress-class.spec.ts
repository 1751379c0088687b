import { expect, it } from 'vitest';
import { isIstioIngress } from './ingress-class.ts';

const istio = 'istio.io/ingress-controller';
it.each([
  [{}, {}, false],
  [{}, { ingressControllerMode: 'DEFAULT' }, true],
  [{ annotation: 'istio' }, {}, true],
  [{ annotation: 'nginx' }, {}, false],
  [{ annotation: '' }, { ingressControllerMode: 'DEFAULT' }, false],
  [{ annotation: 'edge' }, { ingressClass: 'edge' }, true],
  [{ annotation: 'istio' }, { ingressControllerMode: 'UNSPECIFIED' }, false],
  [{ controller: istio }, {}, true],
  [{ controller: 'k8s.io/ingress-nginx' }, { ingressControllerMode: 'DEFAULT' }, false],
  [{ annotation: 'nginx', controller: istio }, {}, false],
  [{ annotation: 'istio' }, { ingressControllerMode: 'OFF' }, false],
  [{ controller: istio }, { ingressControllerMode: 'OFF' }, false],
])('an Ingress with %j in a mesh with %j is Istio’s: %s', (names, settings, expected) =>
  expect(isIstioIngress(names, settings)).toBe(expected),
);
