export function onServer(sql: string, values?: unknown[]): Promise<Record<string, unknown>[]>;
export function databasesOf(run: string): Promise<string[]>;
export function leaksOf(name: string, patience?: number): Promise<string[]>;
export function dropDatabase(name: string): Promise<void>;
export interface DatabaseRules {
  readonly breaksRows?: boolean;
  readonly leaves?: boolean;
}
export function findingsOf(name: string, rules?: DatabaseRules): Promise<string[]>;
export interface ServerSession {
  ask(sql: string, values?: unknown[]): Promise<Record<string, unknown>[]>;
}
export function closeDatabase(
  name: string,
  rules: DatabaseRules,
  session: ServerSession,
  patience?: number,
): Promise<void>;
