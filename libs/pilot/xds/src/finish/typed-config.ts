import { encode, type google, type MessageType } from '@flotilla/proto-gen/envoy';
import { compact } from './compact.ts';

type IAny = google.protobuf.IAny;
/** A generated message class that can be packed as google.protobuf.Any. */
export type ConfigType<T> = MessageType<T> & { getTypeUrl(prefix?: string): string };

/** Encoded when an encoder first reads it, once for all messages that share the configuration. */
const value: PropertyDescriptor & ThisType<TypedConfig<unknown>> = {
  get() {
    return this.encoded();
  },
};

/** A google.protobuf.Any whose content is still a message. */
class TypedConfig<T> implements IAny {
  readonly type_url: string;
  readonly type: ConfigType<T>;
  readonly message: T;
  #bytes: Uint8Array | undefined;

  constructor(type: ConfigType<T>, message: T) {
    this.type_url = type.getTypeUrl('type.googleapis.com');
    this.type = type;
    this.message = message;
    // Encoders look for own members only; comparing and freezing pass over those that are not enumerable.
    Object.defineProperty(this, 'value', value);
  }

  encoded(): Uint8Array {
    this.#bytes ??= compact(encode(this.type, this.message));
    return this.#bytes;
  }
}

/**
 * A nested configuration, such as a filter's, as its message and type. It becomes bytes where the resource around it is
 * finished; until then patches can read it with `configIn` and put another in its place.
 */
export const typedConfig = <T>(type: ConfigType<T>, message: T): IAny => new TypedConfig(type, message);

/** The message in a nested configuration; undefined when that is not of this type. */
export const configIn = <T>(type: ConfigType<T>, config: IAny | null | undefined): T | undefined =>
  config instanceof TypedConfig && config.type === type ? (config.message as T) : undefined;
