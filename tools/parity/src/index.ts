export { ask, openWorld } from './answers.ts';
export { readScenario, type Scenario, type ScenarioProxy } from './scenario.ts';
