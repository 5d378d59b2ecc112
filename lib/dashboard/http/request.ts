import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { RequestError } from './errors.js';

/** A request as the dashboard sees it, whatever framework it came through. */
export interface DashboardRequest {
  readonly method: string;
  /** What follows the mount path, as it was sent: `''` without a slash, `'/'`, `'/api/runs/0198…'`. */
  readonly path: string;
  /** What follows the `?`. */
  readonly query: string;
  readonly headers: IncomingHttpHeaders;
  /** Address of the socket's other end. */
  readonly peer: string | undefined;
  /** Address of whoever asks, by the framework's rules for proxies. */
  readonly ip: string | null;
  /** What the framework's body parser has made of the body; undefined: it has not read it. */
  readonly parsed: unknown;
  readonly stream: IncomingMessage;
  /** The framework's own request: what the app's functions get. */
  readonly native: unknown;
}

/** The mount path's last segment: where a redirect to the page leads. */
export function lastSegment(url: string): string {
  return pathOf(url).split('/').filter(Boolean).at(-1) ?? '';
}

/** The path below a mount path of so many segments; counted, since they may be written in several ways (`%64urable`). */
export function pathBelow(url: string, segments: number): string {
  const rest = pathOf(url)
    .split('/')
    .slice(segments + 1);
  return rest.length === 0 ? '' : `/${rest.join('/')}`;
}

export function queryOf(url: string): string {
  const at = url.indexOf('?');
  return at < 0 ? '' : url.slice(at + 1);
}

/** Segments of a route as a framework has it, without its wildcard. */
export function countSegments(route: string): number {
  return route
    .replace(/\/(\*.*|\{\*.*\})$/, '')
    .split('/')
    .filter(Boolean).length;
}

function pathOf(url: string): string {
  return url.replace(/[?#].*$/s, '');
}

/** The header, where it came once. */
export function header(request: DashboardRequest, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/**
 * The JSON object in the body; null: there is none.
 * @throws RequestError TOO_LARGE, INVALID_INPUT
 */
export async function readBody(request: DashboardRequest, maxBytes: number): Promise<unknown> {
  const { parsed } = request;
  if (parsed === undefined) return parse(await readStream(request.stream, maxBytes));
  if (Buffer.isBuffer(parsed)) return parse(parsed.toString('utf8'));
  return typeof parsed === 'string' ? parse(parsed) : parsed;
}

/** What is too large is read to its end all the same, within limits: else the client breaks off before it has the answer. */
const MOST_DISCARDED = 33_554_432;

async function readStream(stream: IncomingMessage, maxBytes: number): Promise<string> {
  if (stream.readableEnded || stream.destroyed) return '';
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    // Destroying the stream would take the socket with it, and the answer.
    for await (const chunk of stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes <= maxBytes) chunks.push(chunk);
      else if (bytes > maxBytes + MOST_DISCARDED) break;
    }
  } catch {
    throw new RequestError(400, 'INVALID_INPUT', 'The body ended before its time.');
  }
  if (bytes > maxBytes) {
    throw new RequestError(413, 'TOO_LARGE', `The body is larger than ${maxBytes} bytes (maxPayloadBytes).`);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parse(text: string): unknown {
  if (text.trim() === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw new RequestError(400, 'INVALID_INPUT', 'The body is not JSON.');
  }
}
