/** What the server refused, or that it could not be reached (`status` 0). */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly violations: Violation[] = [],
  ) {
    super(message);
    this.name = 'ApiError';
  }
}

export interface Violation {
  path?: string;
  field?: string;
  property?: string;
  message: string;
}

/** Name of the field a violation is about. */
export function fieldOf({ field, path, property }: Violation): string {
  return (field ?? property ?? path ?? '').replace(/^(data|input)\./, '');
}

export type Params = Readonly<Record<string, string | number | boolean | null | undefined>>;

const base = (): URL => new URL('api/', document.baseURI);

export function apiUrl(path: string, params: Params = {}): string {
  const url = new URL(path, base());
  for (const [key, value] of Object.entries(params)) {
    if (value !== null && value !== undefined && value !== '') url.searchParams.set(key, String(value));
  }
  return url.href;
}

/** Answers by address with their tags: what has not changed is not sent again, and stays the same object. */
const known = new Map<string, { etag: string; body: unknown }>();
const MOST_KNOWN = 200;

/** @param fresh never the answer of before, which is what has not changed but for the time that it says */
export async function get<T>(path: string, params: Params = {}, signal?: AbortSignal, fresh = false): Promise<T> {
  const url = apiUrl(path, params);
  const before = fresh ? undefined : known.get(url);
  const headers: Record<string, string> = { Accept: 'application/json' };
  if (before !== undefined) headers['If-None-Match'] = before.etag;
  const response = await ask(url, { headers, signal });
  if (response.status === 304 && before !== undefined) return before.body as T;
  const body = await read(response);
  const etag = response.headers.get('etag');
  known.delete(url);
  if (etag !== null) known.set(url, { etag, body });
  const oldest = known.keys().next().value;
  if (known.size > MOST_KNOWN && oldest !== undefined) known.delete(oldest);
  return body as T;
}

export type Method = 'POST' | 'PATCH' | 'DELETE';

/** `keepalive`: it is sent even though the page is being left. */
export async function send<T>(method: Method, path: string, body: unknown = {}, keepalive = false): Promise<T> {
  const response = await ask(apiUrl(path), {
    method,
    headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
    body: JSON.stringify(body),
    keepalive,
  });
  return (await read(response)) as T;
}

async function ask(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, { credentials: 'same-origin', ...init });
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === 'AbortError') throw cause;
    throw new ApiError(0, 'UNREACHABLE', 'The server cannot be reached.');
  }
}

async function read(response: Response): Promise<unknown> {
  const text = await response.text();
  let body: unknown = null;
  try {
    body = text === '' ? null : JSON.parse(text);
  } catch {
    // A proxy's own page.
  }
  if (response.ok) return body;
  const error = (body as { error?: Partial<ApiError> } | null)?.error;
  const message = error?.message ?? SENTENCES[error?.code ?? ''] ?? `The server answered ${response.status}.`;
  throw new ApiError(response.status, error?.code ?? `HTTP_${response.status}`, message, error?.violations ?? []);
}

const SENTENCES: Record<string, string> = {
  CLOSED: 'The dashboard is closed here.',
  FORBIDDEN: 'You may not do that.',
  INTERNAL: 'Something broke on the server.',
};

/** A part of a path: names hold anything. */
export const part = (name: string): string => encodeURIComponent(name);
