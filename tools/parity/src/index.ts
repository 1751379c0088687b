export { endpointNames, routeNames } from './ask.ts';
export { readScenario, type Scenario, type ScenarioProxy } from './scenario.ts';
export { serveEnvoys } from './envoy/run.ts';
export { compareScenarios, type Verdict } from './xds.ts';
