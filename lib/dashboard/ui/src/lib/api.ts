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

/** What is given in the place of an answer: a page to sign in at, which a proxy leads to, or its own. */
const NOT_OURS = 'NOT_OURS';

/** Whether it says that nobody is signed in any more. */
export function isSignedOut(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 401 || error.code === NOT_OURS);
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
/** ms that an answer is waited for. Of a connection that is gone, as after a sleep of the machine, nobody says so, and no further one is asked for meanwhile. */
const PATIENCE = 30_000;

/** @param fresh never the answer of before, which is what has not changed but for the time that it says */
export async function get<T>(path: string, params: Params = {}, signal?: AbortSignal, fresh = false): Promise<T> {
  const url = apiUrl(path, params);
  const before = fresh ? undefined : known.get(url);
  const headers: Record<string, string> = { Accept: 'application/json' };
  if (before !== undefined) headers['If-None-Match'] = before.etag;
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), PATIENCE);
  const given = signal === undefined ? late.signal : AbortSignal.any([signal, late.signal]);
  let response: Response;
  let body: unknown;
  try {
    response = await ask(url, { headers, signal: given });
    if (response.status === 304 && before !== undefined) return before.body as T;
    body = await read(response);
  } catch (error) {
    if (!late.signal.aborted) throw error;
    throw new ApiError(0, 'NO_ANSWER', 'The server does not answer.');
  } finally {
    clearTimeout(timer);
  }
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
    // A proxy's own page, or one to sign in at.
  }
  if (response.ok && body !== null) return body;
  if (response.ok) throw new ApiError(response.status, NOT_OURS, 'Something else than the dashboard has answered.');
  const error = (body as { error?: Partial<ApiError> } | null)?.error;
  const message =
    error?.message ?? SENTENCES[error?.code ?? `HTTP_${response.status}`] ?? `The server answered ${response.status}.`;
  throw new ApiError(response.status, error?.code ?? `HTTP_${response.status}`, message, error?.violations ?? []);
}

const SENTENCES: Record<string, string> = {
  CLOSED: 'The dashboard is closed here.',
  FORBIDDEN: 'You may not do that.',
  HTTP_401: 'You are not signed in any more.',
  INTERNAL: 'Something broke on the server.',
};

export { pathPart as part } from '../../../../core/path-part.js';
