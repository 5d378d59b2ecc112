import type { Check } from './doctor-check.js';

/** A row of doctor-server.sql. Times in ms. */
export interface ServerFacts {
  readonly version: string;
  readonly number: number;
  readonly encoding: string;
  readonly bytes: number;
  readonly now: number;
  readonly settings: Readonly<Record<string, string>>;
  readonly connections: number;
  /** Of those of this database that can be seen. */
  readonly oldest_transaction: number | null;
  /** Sessions of this database that other roles have, and of which this one may not see the transactions. */
  readonly unseen: number;
  /** null: there is no such schema. */
  readonly usage: boolean | null;
  readonly forbidden: readonly string[];
  /** Quoted for statements; `other_database` is the name of one that could be made. */
  readonly names: { readonly schema: string; readonly role: string; readonly other_database: string };
}

const OLDEST = 140_000;
/** ms */
const CLOCK_WARN = 1_000;
const TRANSACTION_WARN = 5 * 60_000;
const TRANSACTION_BAD = 60 * 60_000;
/** Settings that lose what was committed, or let tables rot: a server for tests has them on purpose. */
const HARMFUL: readonly (readonly [name: string, harm: string])[] = [
  ['fsync', 'a crash of the machine destroys the database'],
  ['full_page_writes', 'a crash of the machine may destroy pages'],
  ['autovacuum', 'the queue gets slower with each run'],
  ['track_counts', 'autovacuum does not know what to do'],
  ['synchronous_commit', 'a crash of the server loses the last commits, whose steps are then run again'],
];

/** @param offset how far the database's clock is ahead of this process's, ms */
export function serverChecks(server: ServerFacts, offset: number, notified: boolean | null): Check[] {
  const { settings, connections } = server;
  const most = Number(settings['max_connections']);
  return [
    serverCheck(server),
    settingsCheck(settings),
    rightsCheck(server),
    {
      id: 'notifications',
      ...(notified === false
        ? {
            state: 'warn' as const,
            text: 'Notifications do not arrive: there is a pooler in transaction mode in between, or no LISTEN, so work is found by polling.',
            mend: 'Connect directly, or set notify: false.',
          }
        : {
            state: 'ok' as const,
            text: notified === null ? 'Notifications were not tried.' : 'Notifications arrive.',
          }),
    },
    {
      id: 'clock',
      ...(Math.abs(offset) > CLOCK_WARN
        ? {
            state: 'warn' as const,
            text: `The clock of this machine is ${seconds(Math.abs(offset))} ${offset > 0 ? 'behind' : 'ahead of'} the database's.`,
            mend: 'Let NTP set both clocks; due times go by that of the database.',
          }
        : { state: 'ok' as const, text: 'The clocks of this machine and the database agree.' }),
    },
    {
      id: 'connections',
      ...(connections > most * 0.9
        ? {
            state: 'warn' as const,
            text: `${connections} of ${most} connections are in use.`,
            mend: 'Raise max_connections, or lower poolSize and the number of processes.',
          }
        : { state: 'ok' as const, text: `${connections} of ${most} connections are in use.` }),
    },
    transactionCheck(server),
  ];
}

function serverCheck({ version, number, encoding, names }: ServerFacts): Check {
  const id = 'server';
  if (number < OLDEST) {
    return { id, state: 'bad', text: `PostgreSQL ${version} is too old.`, mend: 'Use PostgreSQL 14 or later.' };
  }
  if (encoding !== 'UTF8') {
    const mend = `CREATE DATABASE ${names.other_database} TEMPLATE template0 ENCODING 'UTF8'`;
    return { id, state: 'bad', text: `The database's encoding is ${encoding}: it cannot hold any text.`, mend };
  }
  return { id, state: 'ok', text: `PostgreSQL ${version}, encoding UTF8.` };
}

function settingsCheck(settings: ServerFacts['settings']): Check {
  const found = HARMFUL.filter(([name]) => settings[name] === 'off');
  if (found.length === 0) return { id: 'settings', state: 'ok', text: 'No setting of the server hurts.' };
  return {
    id: 'settings',
    state: 'warn',
    text: found.map(([name, harm]) => `${name} is off: ${harm}.`).join(' '),
    mend: found.map(([name]) => `ALTER SYSTEM SET ${name} = on`).join('; '),
  };
}

function rightsCheck({ usage, forbidden, names: { schema, role } }: ServerFacts): Check {
  const id = 'rights';
  if (usage === false) {
    const mend = `As the owner of the schema: GRANT USAGE ON SCHEMA ${schema} TO ${role};`;
    return { id, state: 'bad', text: 'The role may not use the schema.', mend };
  }
  if (forbidden.length > 0) {
    const text = `The role may not read and write ${forbidden.join(', ')}.`;
    const mend =
      `As the owner of the tables: GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${schema} TO ${role}; ` +
      `GRANT USAGE ON ALL SEQUENCES IN SCHEMA ${schema} TO ${role};`;
    return { id, state: 'bad', text, mend };
  }
  return { id, state: 'ok', text: 'The role may read and write all tables.' };
}

function transactionCheck({ oldest_transaction: oldest, unseen, names: { role } }: ServerFacts): Check {
  const id = 'transactions';
  const age = oldest ?? 0;
  if (age < TRANSACTION_WARN && unseen > 0) {
    const text = `${unseen} ${unseen === 1 ? 'session' : 'sessions'} of other roles cannot be seen: a transaction of theirs may be old.`;
    return { id, state: 'warn', text, mend: `As a superuser: GRANT pg_read_all_stats TO ${role};` };
  }
  if (age < TRANSACTION_WARN) return { id, state: 'ok', text: 'No transaction is old.' };
  return {
    id,
    state: age < TRANSACTION_BAD ? 'warn' : 'bad',
    text: `The oldest transaction is open for ${Math.round(age / 60_000)} min: autovacuum can clear nothing since.`,
    mend: 'Find it in pg_stat_activity by xact_start, and end it: SELECT pg_terminate_backend(pid).',
  };
}

function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`;
}
