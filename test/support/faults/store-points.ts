import type {
  CommitGroup,
  GroupResult,
  RemoteStepOp,
  NewRecord,
  RunOp,
  StepTransaction,
} from '../../../lib/engine/ports/store.js';
import { PgStore, type PgStoreOptions } from '../../../lib/storage/engine/pg-store.js';

/**
 * A call of the store that commits something of a run, by the name of the point in the run's life:
 * `start`, `record plain`, `once paid.pay`, `park paid 1`, `hand over paid 2`, `claim 2`, `wake`, `end last`, …
 */
export interface StoreCall<T> {
  /** Whose call it is. */
  readonly database: string;
  /** What it commits; for a claim and a wake, which find out by doing it, only the verb. */
  readonly points: readonly string[];
  /** Sends it on its way. */
  send(): Promise<T>;
  /** The points that it went through, now that its result is known. */
  passed(result: T): readonly string[];
}

export type Around = <T>(call: StoreCall<T>) => Promise<T>;

type Verb = (...parameters: unknown[]) => Promise<unknown>;

/** Puts `around` about every commit of every store of this process. Returns what takes it away again. */
export function aroundStore(around: Around): () => void {
  const undo: (() => void)[] = [];
  const wrap = (
    verb: string,
    before: (parameters: unknown[]) => string[],
    after?: (result: unknown, parameters: unknown[]) => string[],
  ): void => {
    const original = Reflect.get(PgStore.prototype, verb) as Verb;
    const wrapped = function (this: PgStore, ...parameters: unknown[]): Promise<unknown> {
      const points = before(parameters);
      if (points.length === 0) return original.apply(this, parameters);
      return around({
        database: databaseOf(this),
        points,
        send: () => original.apply(this, parameters),
        passed: (result: unknown) => after?.(result, parameters) ?? points,
      });
    };
    Reflect.set(PgStore.prototype, verb, wrapped);
    undo.push(() => Reflect.set(PgStore.prototype, verb, original));
  };
  wrap(
    'commitGroup',
    ([, group]) => groupPoints(group as CommitGroup),
    (result, [, group]) => groupPassed(group as CommitGroup, result as GroupResult),
  );
  wrap('commitRemoteStep', ([, op]) => [remoteStepPoint(op as RemoteStepOp)]);
  wrap(
    'claim',
    () => ['claim'],
    (rows) =>
      (rows as { token: number; step: string | null }[]).map(({ token, step }) =>
        step === null ? `claim ${token}` : 'claim step',
      ),
  );
  wrap(
    'wakeDue',
    () => ['wake'],
    (result) => ((result as { woken: number }).woken > 0 ? ['wake'] : []),
  );
  wrapTransaction(around, undo);
  return () => undo.forEach((one) => one());
}

/** The commit of a transactional step is the application's own: everything after the record is in, up to the answer. */
function wrapTransaction(around: Around, undo: (() => void)[]): void {
  const { transaction: original } = PgStore.prototype;
  Reflect.set(PgStore.prototype, 'transaction', async function <
    T,
  >(this: PgStore, work: (transaction: StepTransaction) => Promise<T>): Promise<T> {
    const whole = original.call(this, (transaction: StepTransaction) =>
      work({
        manager: transaction.manager,
        codeIs: (isCode) => transaction.codeIs(isCode),
        hasEnded: () => transaction.hasEnded(),
        lossBy: (thrown) => transaction.lossBy(thrown),
        record: async (worker: number, op: RunOp) => {
          const taken = await transaction.record(worker, op);
          const point = `${taken ? '' : 'left '}commit ${op.records[0]?.path ?? ''}`;
          // The transaction goes on to its COMMIT when `around` sends it.
          await new Promise<void>((resolve) => {
            const send = (): Promise<unknown> => {
              resolve();
              return taken ? whole : Promise.resolve();
            };
            around({ database: databaseOf(this), points: [point], send, passed: () => [point] }).catch(() => {});
          });
          return taken;
        },
      }),
    ) as Promise<T>;
    return whole;
  });
  undo.push(() => Reflect.set(PgStore.prototype, 'transaction', original));
}

function databaseOf(store: PgStore): string {
  const { connections } = Reflect.get(store, 'options') as PgStoreOptions;
  return connections.target.config.database ?? '';
}

function groupPoints({ ops, starts }: CommitGroup): string[] {
  return [...starts.map(() => 'start'), ...ops.map(opPoint)];
}

/** `left …`: the row is not this worker's any more, or somebody has locked it. */
function groupPassed({ ops, starts }: CommitGroup, { acks }: GroupResult): string[] {
  return [...starts.map(() => 'start'), ...ops.map((op) => `${acks.has(op.rowId) ? '' : 'left '}${opPoint(op)}`)];
}

function opPoint({ records, outcome, extras }: RunOp): string {
  const what = records
    .filter(({ type }) => type !== 'remote')
    .map(recordName)
    .join(' + ');
  if (outcome === null) return records[0]?.type === 'once' ? `once ${what}` : `record ${what}`;
  if (outcome.kind === 'end') return `end ${what}`;
  return `${(extras?.remoteStarts.length ?? 0) === 0 ? 'park' : 'hand over'} ${what}`;
}

function remoteStepPoint({ records, outcome }: RemoteStepOp): string {
  const what = records.map(recordName).join(' + ');
  if (outcome === null) return `once ${what}`;
  return outcome.kind === 'done' ? `remote ${what}` : `park ${what}`;
}

function recordName({ path, attempt, type }: NewRecord): string {
  return type === 'once' ? path.replace('~~', '.') : `${path} ${attempt}`;
}
