import { urlOf } from './addresses.js';
import { RequestError } from './errors.js';
import { type DashboardRequest, header } from './request.js';

/**
 * Refuses an act that another site's page may have sent. A form or a script of another origin cannot send this content
 * type without asking first, and a browser says where a request comes from; what says nothing of it is no browser.
 * @param origins further origins that acts may come from
 * @throws RequestError CSRF
 */
export function refuseForeign(request: DashboardRequest, origins: readonly string[]): void {
  if (!isJson(header(request, 'content-type'))) {
    throw csrf('An act needs Content-Type: application/json, also without a body.');
  }
  const site = header(request, 'sec-fetch-site');
  const origin = header(request, 'origin');
  if (site === 'same-origin' || (site === undefined && origin === undefined)) return;
  if (origin !== undefined && isOurs(origin, header(request, 'host'), origins)) return;
  throw csrf(
    `The act came from ${origin === undefined ? 'another site' : `the origin ${origin.slice(0, 200)}`}. ` +
      'Where a proxy rewrites Host, name the origin in the option `origins`.',
  );
}

function isJson(type: string | undefined): boolean {
  return type?.split(';', 1)[0]?.trim().toLowerCase() === 'application/json';
}

function isOurs(origin: string, host: string | undefined, origins: readonly string[]): boolean {
  const url = urlOf(origin);
  if (url === null) return false;
  if (origins.includes(url.origin)) return true;
  // As a URL writes it: without the port where that is the scheme's own.
  return host !== undefined && urlOf(`${url.protocol}//${host}`)?.host === url.host;
}

function csrf(message: string): RequestError {
  return new RequestError(403, 'CSRF', message);
}
