import type { View } from '@flotilla/pilot-world';

export const wildcard = (view: View): string => (view.attr('supportsIPv4') ? '0.0.0.0' : '::');
export const loopback = (view: View): string => (view.attr('supportsIPv4') ? '127.0.0.1' : '::1');

export const isUnix = (bind: string): boolean => bind.startsWith('unix://');
