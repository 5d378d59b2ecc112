import type { CanActivate, Type } from '@nestjs/common';
import type { DashboardAction } from './actions.js';
import { checkPath, readOrigins } from './http/addresses.js';
import { ConfigurationError, Faults, given, isObject, listOf, OptionReader } from './durable.js';
import type { LinkedRun, RunLink } from './http/links.js';

/** Target of an action, as far as path, query and body name it: nothing has been read yet. */
export interface DashboardTarget {
  readonly runId?: string;
  readonly workflow?: string;
  readonly queue?: string;
  readonly schedule?: string;
  readonly inputId?: string;
}

/** Decides about one action: `true` allows it; a throw, or anything else, is a 403. `request` is the framework's own. */
// Express and Fastify have types of their own for it, which the package does not import.
// oxlint-disable-next-line typescript/no-explicit-any
export type Authorize<R = any> = (
  request: R,
  action: DashboardAction,
  target: DashboardTarget,
) => boolean | Promise<boolean>;

/** A guard of the app, as `@UseGuards()` takes it. */
export type DashboardGuard = Type<CanActivate> | CanActivate;

/** Options that the module needs before any provider is made. */
export interface DashboardStaticOptions {
  /** Mount path, below the global prefix and the same for every version. Default: `'/durable'`. */
  path?: string;
  /** Name of the DurableModule that it shows; one that there is not stops the boot. Default: `'default'`. */
  instance?: string;
  /**
   * Nest guards that run before `authorize`; a refusal of theirs keeps its status. With guards alone whoever passes may
   * do everything. Default: `[]`.
   */
  guards?: readonly DashboardGuard[];
  /** Decorators for the controller, by which the app's global guards know it: `[Public(), SkipThrottle()]`. Default: `[]`. */
  decorators?: readonly ClassDecorator[];
}

/** Options from a factory of `forRootAsync()`. All of them may be left out. */
export interface DashboardFactoryOptions {
  /**
   * Decides about each action, see `roles()`. Default: none. With neither this nor `guards` the dashboard is served to the
   * machine itself alone, and outside production.
   */
  authorize?: Authorize;
  /**
   * Whom audit rows name, at most 200 characters of it. Default: `email`, `username`, `sub` or `id` of the request's
   * `user`, else null.
   */
  // See Authorize.
  // oxlint-disable-next-line typescript/no-explicit-any
  actor?: (request: any) => unknown;
  /** True: every act is refused, and the pages have no buttons for them. Default: false. */
  readOnly?: boolean;
  /** Name of the app, at the top of each page. Default: none. */
  title?: string;
  /** Says which of several environments this is, so that nobody acts on the wrong one. Default: none. */
  badge?: { readonly label: string; readonly tone?: 'plain' | 'warn' };
  /** Origins besides the one in `Host` that acts may come from, where a proxy rewrites it: `https://ops.example.com`. Default: `[]`. */
  origins?: readonly string[];
  /** ms between two looks of a page that has no stream. Default: 5000. */
  pollInterval?: number;
  /** Streams that this process serves at a time; an actor has 6 at most. Default: 200. */
  maxStreams?: number;
  /** Links beside each run, to its traces for example; only those to `http` and `https` are kept. Default: none. */
  links?: (run: LinkedRun) => readonly RunLink[];
}

/** Options of `DurableDashboardModule.forRoot()`. All of them may be left out. */
export interface DurableDashboardOptions extends DashboardStaticOptions, DashboardFactoryOptions {}

/** The options with every default filled in and checked. Times in ms. */
export interface ResolvedDashboardOptions {
  readonly path: string;
  readonly instance: string;
  /** Whether the app says who may come in: by `authorize`, by guards or by both. */
  readonly opened: boolean;
  readonly authorize: Authorize | null;
  readonly actor: ((request: unknown) => unknown) | null;
  readonly readOnly: boolean;
  readonly title: string | null;
  readonly badge: { readonly label: string; readonly tone: 'plain' | 'warn' } | null;
  readonly origins: readonly string[];
  readonly pollInterval: number;
  readonly maxStreams: number;
  readonly links: ((run: LinkedRun) => unknown) | null;
}

export const DEFAULT_PATH = '/durable';
const LONGEST_TITLE = 100;
const SHORTEST_POLL = 500;
const LONGEST_POLL = 3_600_000;
const MOST_STREAMS = 100_000;

const STATIC = ['path', 'instance', 'guards', 'decorators'] as const;

/**
 * Fills in the defaults and checks everything.
 * @param beside the options that stand outside the factory of `forRootAsync()`
 * @throws ConfigurationError with every fault: its path, what was given, what is allowed
 */
export function resolveDashboardOptions(raw: unknown, beside: DashboardStaticOptions | null): ResolvedDashboardOptions {
  const faults = new Faults();
  const read = OptionReader.of(faults, '', isObject(raw) && beside !== null ? { ...raw, ...beside } : raw);
  if (read === null || !isObject(raw)) throw new ConfigurationError(faults.list);
  for (const key of beside === null ? [] : STATIC.filter((one) => raw[one] !== undefined)) {
    read.fault(
      key,
      `stands outside the factory, since the controller depends on it: forRootAsync({ ${key}, useFactory })`,
    );
  }
  const guards = readList(read, 'guards', 'guards: classes or instances', isGuard);
  readList(read, 'decorators', 'class decorators', (one) => typeof one === 'function');
  const authorize = readFunction<Authorize>(read, 'authorize');
  const options: ResolvedDashboardOptions = {
    path: checkPath(read.take('path'), DEFAULT_PATH, (rule, value) => read.expected('path', rule, value)),
    instance: read.text('instance', 'default'),
    opened: authorize !== null || guards > 0,
    authorize,
    actor: readFunction(read, 'actor'),
    readOnly: read.boolean('readOnly', false),
    title: readTitle(read, 'title'),
    badge: readBadge(read),
    origins: readOrigins(read.take('origins'), (at, rule, value) => read.expected(at, rule, value)),
    pollInterval: read.integer('pollInterval', 5_000, { min: SHORTEST_POLL, max: LONGEST_POLL, unit: 'ms' }),
    maxStreams: read.integer('maxStreams', 200, { min: 0, max: MOST_STREAMS }),
    links: readFunction(read, 'links'),
  };
  read.refuseOthers();
  if (faults.list.length > 0) throw new ConfigurationError(faults.list);
  return options;
}

function readFunction<F>(read: OptionReader, key: string): F | null {
  const value = read.take(key);
  if (value === undefined) return null;
  if (typeof value === 'function') return value as F;
  read.expected(key, 'a function', value);
  return null;
}

/** @returns how many there are */
function readList(read: OptionReader, key: string, rule: string, fits: (one: unknown) => boolean): number {
  const value = read.take(key);
  if (value === undefined) return 0;
  const list = listOf(value);
  if (list === null) read.expected(key, `a list of ${rule}`, value);
  for (const [at, one] of (list ?? []).entries()) {
    if (!fits(one)) read.fault(key, `expected a list of ${rule}, got ${given(one)} at ${at}`);
  }
  return list?.length ?? 0;
}

/** A class, or an instance of one. */
export function isGuard(value: unknown): value is DashboardGuard {
  return typeof value === 'function' || (isObject(value) && typeof value['canActivate'] === 'function');
}

/** null is what `me` says of none; both ways of leaving it out are taken. */
function readTitle(read: OptionReader, key: string): string | null {
  const value = read.take(key);
  if (value === undefined || value === null) return null;
  if (typeof value === 'string' && value.trim() !== '' && value.length <= LONGEST_TITLE) return value;
  read.expected(key, `a text of 1 to ${LONGEST_TITLE} characters`, value);
  return null;
}

function readBadge(read: OptionReader): ResolvedDashboardOptions['badge'] {
  if (read.take('badge') === null) return null;
  const badge = read.object('badge');
  if (badge === undefined || badge === null) return null;
  const label = readTitle(badge, 'label');
  if (label === null && !badge.keys().includes('label')) badge.expected('label', 'a text', undefined);
  const tone = badge.oneOf('tone', 'plain', ['plain', 'warn']);
  badge.refuseOthers();
  return { label: label ?? '', tone };
}
