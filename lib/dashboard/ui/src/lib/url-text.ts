import { pathPart } from '../../../../core/path-part.js';

/** Colons and commas stay as they are: the filter is to be read in the URL. */
export function readable(params: URLSearchParams): string {
  return params.toString().replaceAll('%3A', ':').replaceAll('%2C', ',');
}

export const runsHref = (q: string): string => `/runs?${readable(new URLSearchParams({ q }))}`;
export const runHref = (id: string): string => `/runs/${pathPart(id)}`;
