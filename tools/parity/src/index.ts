export { areas } from './areas.ts';
export { serveEnvoys } from './envoy/run.ts';
export { runArea, type Report } from './run.ts';
export { findScenarios } from './xds/scenarios.ts';
export { readScenario, type Scenario, type ScenarioProxy } from './xds/scenario.ts';
export { envoyVersions } from './envoy/versions.ts';
