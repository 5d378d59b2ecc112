export function onServer(sql: string, values?: unknown[]): Promise<Record<string, unknown>[]>;
export function databasesOf(run: string): Promise<string[]>;
export function leaksOf(name: string, patience?: number): Promise<string[]>;
export function dropDatabase(name: string): Promise<void>;
export function closeDatabase(name: string, patience?: number): Promise<void>;
