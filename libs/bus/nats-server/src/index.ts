export { createNatsServer, natsServerSettings, type NatsServer, type NatsServerOptions } from './nats-server.ts';
