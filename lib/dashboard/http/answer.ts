import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { errorBody, type RequestError } from './errors.js';
import { type DashboardRequest, header } from './request.js';

/** What is answered, before it is on its way. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer;
  /** Takes the response over once its head is written, in place of a body. */
  readonly stream?: (response: ServerResponse) => void;
}

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'self'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join('; ');

/** On every answer, whatever it is; an app's own (helmet's) give way. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'Content-Security-Policy': POLICY,
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
};

const JSON_TYPE = 'application/json; charset=utf-8';

export function json(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Answer {
  return jsonText(status, JSON.stringify(body), headers);
}

export function jsonText(status: number, body: string, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status, headers: { 'Content-Type': JSON_TYPE, ...headers }, body };
}

export function html(status: number, body: string): Answer {
  return { status, headers: { 'Content-Type': 'text/html; charset=utf-8' }, body };
}

export function refusal(error: RequestError): Answer {
  return json(error.status, errorBody(error));
}

/** Of a body that changes with each second only in what says the time: that part does not count. */
export function withETag(answer: Answer, of: string | Buffer = answer.body): Answer {
  const tag = `W/"${createHash('sha256').update(of).digest('base64url').slice(0, 22)}"`;
  return { ...answer, headers: { ...answer.headers, ETag: tag } };
}

/** The answer, or that it has not changed since the one that the client has. */
export function unlessKnown(answer: Answer, request: DashboardRequest): Answer {
  const tag = answer.headers['ETag'];
  const known = header(request, 'if-none-match');
  if (tag === undefined || known === undefined || answer.status !== 200) return answer;
  const bare = tag.replace(/^W\//, '');
  const fits = known.split(',').some((one) => ['*', bare].includes(one.trim().replace(/^W\//, '')));
  return fits ? { status: 304, headers: answer.headers, body: '' } : answer;
}

/** Writes the answer to the response itself: no interceptor, filter or serializer of the app's has a part in it. */
export function send(answer: Answer, response: ServerResponse): void {
  if (response.headersSent || response.writableEnded || response.destroyed) return;
  for (const name of response.getHeaderNames()) {
    // An app that lets other origins in does not let them into the dashboard.
    if (/^access-control-|^content-(type|length|encoding)$|^etag$/i.test(name)) response.removeHeader(name);
  }
  const { status, headers, body, stream } = answer;
  const all: Record<string, string> = { ...SECURITY_HEADERS, 'Cache-Control': 'no-store', ...headers };
  for (const [name, value] of Object.entries(all)) response.setHeader(name, value);
  response.statusCode = status;
  if (stream !== undefined) {
    stream(response);
    return;
  }
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  if (status !== 304) response.setHeader('Content-Length', bytes.length);
  response.end(status === 304 || response.req.method === 'HEAD' ? undefined : bytes);
}
