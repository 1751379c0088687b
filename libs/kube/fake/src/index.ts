export { FakeKube, type Reviewer } from './fake-kube.ts';
