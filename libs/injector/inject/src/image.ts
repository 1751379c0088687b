import type { Values } from '@flotilla/injector-template';

const imageTypes = ['distroless', 'debug'];

/**
 * The proxy's image: hub, name and tag of the installation; a type takes the place of the tag's own, `default` takes it
 * away.
 */
export function proxyImage({ global: { hub, tag, proxy } }: Values, imageType: string): string {
  const text = String(tag);
  const known = imageTypes.find((type) => text.endsWith(`-${type}`));
  const plain = known ? text.slice(0, -(known.length + 1)) : text;
  const suffix = imageType === '' ? text : imageType === 'default' ? plain : `${plain}-${imageType}`;
  return `${hub}/${proxy.image || 'proxyv2'}:${suffix}`;
}
