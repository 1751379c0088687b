export {
  Broken,
  expect,
  expectEqual,
  Skipped,
  table,
  type Attack,
  type Bounds,
  type Service,
  type Shape,
} from './attack.ts';
export { rows } from './rows/index.ts';
