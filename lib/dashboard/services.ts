import type { ResolvedDashboardOptions } from './dashboard.options.js';
import { type DashboardDoor, openDoor } from './door.js';
import type { DurableHost } from './durable.js';
import { BulkBook } from './api/bulk-book.js';
import type { WriteAudit } from './http/audit.js';
import { Streams } from './http/streams.js';

/** What the routes stand on: one for each place where the dashboard is mounted. */
export interface DashboardServices extends DashboardDoor {
  readonly options: ResolvedDashboardOptions;
  /** Of this package. */
  readonly version: string;
  readonly streams: Streams;
  readonly bulk: BulkBook;
  /** Somebody has all that is stored verified. */
  verifying: boolean;
  readonly audit: WriteAudit;
  readonly warn: (message: string) => void;
}

export function servicesOf(
  host: DurableHost,
  options: ResolvedDashboardOptions,
  version: string,
  warn: (message: string) => void,
): DashboardServices {
  const door = openDoor(host);
  const streams = new Streams(door.events, options.maxStreams, () => door.looks.now());
  return {
    ...door,
    options,
    version,
    streams,
    bulk: new BulkBook(),
    verifying: false,
    audit: async (entry) => (await door.looks.audit()).add(entry),
    warn,
  };
}
