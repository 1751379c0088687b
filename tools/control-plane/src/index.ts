export {
  startControlPlane,
  type AppName,
  type Beside,
  type ControlPlane,
  type ControlPlaneOptions,
  type Mode,
} from './control-plane.ts';
export { checkout, Program, type Flags, type ProgramOptions } from './program.ts';
