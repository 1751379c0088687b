/** Stand-ins for applications, as libraries: they run in the demo's pods and in those of tests on a cluster. */
export { serveEcho } from './echo.ts';
export { serveShop } from './shop.ts';
