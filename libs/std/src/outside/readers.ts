export {
  type JsonLimits,
  type ReadProblem,
  Refusal,
  type YamlLimits,
  annotationLimits,
  configLimits,
  documentLimits,
  overLimit,
} from './read-limits.ts';
export { ownMember, setMember } from './members.ts';
export { readJson, readJsonObject } from './json.ts';
export { readYaml, readYamlDocuments, type YamlDocument } from './yaml.ts';
export { positionOf, segmentsOf, type Position, type Positions } from './positions.ts';
