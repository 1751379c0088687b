import { kindOf, parseResource, type Problem } from '@flotilla/model';
import { checkDeployment, checkService } from './kubernetes-conventions.ts';
import { operatorMistakes } from './operator.ts';
import { Report } from '../report.ts';
import { validate, type ValidateOptions } from '../validate.ts';
import { isRecord } from '@flotilla/std';

/** What is wrong with an object: it is refused for errors, but not for warnings. */
export interface DocumentVerdict {
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
  /** Whether it could be read; if not, the errors are about its fields, and their texts are ours instead of Istio's. */
  readonly readable: boolean;
}
type Plain = Readonly<Record<string, unknown>>;

/** The members of a Kubernetes object; any other is a typing error. */
const members = new Set(['apiVersion', 'kind', 'metadata', 'spec', 'status']);
const valid: DocumentVerdict = { errors: [], warnings: [], readable: true };

/**
 * What `istioctl validate` of 1.19 says about an object (istioctl/pkg/validate): Istio's kinds must have only fields
 * that 1.19 knows, and pass what its webhook checks; Services and Deployments follow Istio's conventions;
 * IstioOperators are checked as far as they do not need the installer. Other kinds, and versions that 1.19 does not
 * know, pass. Never throws.
 */
export function validateDocument(object: unknown, options: ValidateOptions = {}): DocumentVerdict {
  if (!isRecord(object)) return valid;
  const { apiVersion, kind } = object;
  const info = kindOf(object);
  const version = String(apiVersion).replace(/^.*\//, '');
  if (info && isIstio(info.group) && info.versions.includes(version)) return validateResource(object, options);
  const report = new Report();
  if (apiVersion === 'install.istio.io/v1alpha1' && kind === 'IstioOperator') {
    const unknown = unknownMembers(object);
    return unknown.length > 0 ? { ...valid, errors: unknown } : { ...valid, errors: operatorMistakes(object['spec']) };
  }
  for (const item of kind === 'List' && Array.isArray(object['items']) ? (object['items'] as unknown[]) : [object])
    checkConventions(item, report);
  return verdictOf(report.problems);
}

/** Groups of Istio's own objects. Kubernetes' objects are read too, but not validated here. */
const isIstio = (group: string): boolean => group === 'istio.io' || group.endsWith('.istio.io');

function checkConventions(item: unknown, report: Report): void {
  if (!isRecord(item)) return;
  if (item['kind'] === 'Service') checkService(item, report);
  else if (item['kind'] === 'Deployment') checkDeployment(item, report);
}

function validateResource(object: Plain, options: ValidateOptions): DocumentVerdict {
  const parsed = parseResource(object, { unknownFields: 'strict' });
  if (parsed.ok) return verdictOf(validate(parsed.value.resource, options));
  if (parsed.error.every(({ code }) => code === 'unknown-member')) return verdictOf(parsed.error);
  const errors = parsed.error.filter(({ level }) => level === 'error');
  return {
    readable: false,
    errors: errors.map(({ path, message }) => `cannot parse proto message: ${path ?? ''}: ${message}`),
    warnings: [],
  };
}

const unknownMembers = (object: Plain): string[] =>
  Object.keys(object)
    .filter((name) => !members.has(name))
    .map((name) => `unknown field ${JSON.stringify(name)}`);

function verdictOf(problems: readonly Problem[]): DocumentVerdict {
  const messages = (level: Problem['level']): string[] =>
    problems.filter((problem) => problem.level === level).map(({ message }) => message);
  return { readable: true, errors: messages('error'), warnings: messages('warning') };
}
