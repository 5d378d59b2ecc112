import { listOf } from '../durable.js';

const PATH_RULE = "a path such as '/durable': segments of letters, digits, '-', '_', '.' and '~'";
const ORIGIN_RULE = "whole origins such as 'https://ops.example.com:8443'";
const MOST_ORIGINS = 100;

/** A mount path without a slash at its end; `fallback` and a fault where it is none. */
export function checkPath(value: unknown, fallback: string, fault: (rule: string, value: unknown) => void): string {
  if (value === undefined) return fallback;
  const path = typeof value === 'string' ? `/${value.replace(/^\/|\/$/g, '')}` : '';
  if (/^(\/[\w.~-]+)+$/.test(path) && !/\/\.{1,2}(\/|$)/.test(path)) return path;
  fault(PATH_RULE, value);
  return fallback;
}

/** Origins as a browser writes them. */
export function readOrigins(
  value: unknown,
  fault: (at: string, rule: string, value: unknown) => void,
): readonly string[] {
  if (value === undefined) return [];
  const list = listOf(value);
  if (list === null || list.length > MOST_ORIGINS) {
    fault('origins', `a list of up to ${MOST_ORIGINS} ${ORIGIN_RULE}`, value);
    return [];
  }
  return list.flatMap((one) => {
    const url = typeof one === 'string' ? urlOf(one) : null;
    const whole =
      url !== null && /^https?:$/.test(url.protocol) && url.pathname === '/' && url.search + url.hash === '';
    if (whole && url.username + url.password === '') return [url.origin];
    fault('origins', ORIGIN_RULE, one);
    return [];
  });
}

export function urlOf(text: string): URL | null {
  return URL.canParse(text) ? new URL(text) : null;
}

/** Whether a socket's other end is this machine. */
export function isLoopback(address: string | undefined): boolean {
  if (address === undefined) return false;
  const plain = address.replace(/^::ffff:/i, '');
  return plain === '::1' || /^127(\.\d{1,3}){3}$/.test(plain);
}

/** Whether a `Host` header names this machine. A name that resolves to it is none: DNS answers are anybody's. */
export function isLocalHost(host: string | undefined): boolean {
  return host !== undefined && /^(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/i.test(host);
}
