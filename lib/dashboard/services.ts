import { type Observable, tap } from 'rxjs';
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
  const heard = <T>(events: Observable<T>): Observable<T> => events.pipe(tap(door.changed));
  const events = { all: () => heard(door.events.all()), workflow: (id: string) => heard(door.events.workflow(id)) };
  // Events come by way of the primary.
  const streams = new Streams(events, options.maxStreams, () => door.sureLooks.now());
  return {
    ...door,
    options,
    version,
    streams,
    bulk: new BulkBook(door.bulkActs, warn),
    verifying: false,
    async audit(entry) {
      await (await door.sureLooks.audit()).add(entry);
      // Acts on many runs go on after their answer.
      door.changed();
    },
    warn,
  };
}
