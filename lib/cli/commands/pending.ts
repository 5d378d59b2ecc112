import type { PendingEvent, PendingInput } from '../../core/input/pending.js';
import { type Context, flag, type Options, text } from '../command.js';
import { ShortIds } from '../database/short-ids.js';
import type { Screen } from '../output/screen.js';
import type { Column } from '../output/table.js';
import { tone } from '../output/text.js';
import { hours, integer } from '../values.js';

const DEFAULT_LIMIT = 50;
const MOST = 1_000;

export async function run(context: Context, _: readonly string[], options: Options): Promise<void> {
  const { screen } = context;
  const limitText = text(options, 'limit');
  const limit = limitText === undefined ? DEFAULT_LIMIT : integer('--limit', limitText, 1, MOST);
  const expiringIn = text(options, 'expiringIn');
  const within = expiringIn === undefined ? null : hours('--expiring-in', expiringIn);
  const both = !flag(options, 'inputs') && !flag(options, 'events');
  const { client, storage } = await context.clients();
  const timeoutBefore = within === null ? {} : { timeoutBefore: new Date(screen.now() + within) };
  const inputs = both || flag(options, 'inputs') ? await client.listPendingInputs({ limit, ...timeoutBefore }) : null;
  const events = both || flag(options, 'events') ? await storage.waitReads.events({ limit, ...timeoutBefore }) : null;
  const expiring = events?.map(({ mark: _mark, ...event }): PendingEvent => event);
  if (screen.isJson) {
    return screen.json({
      ...(inputs === null ? {} : { inputs }),
      ...(expiring === undefined ? {} : { events: expiring }),
    });
  }
  const ids = new ShortIds(context);
  await ids.learn([...(inputs ?? []), ...(expiring ?? [])].map(({ executionId }) => executionId));
  if (inputs !== null) printed(screen, 'Inputs', inputs, inputColumns(screen, ids));
  if (inputs !== null && expiring !== undefined) screen.line('');
  if (expiring !== undefined) printed(screen, 'Events', expiring, eventColumns(screen, ids));
  const isCut = inputs?.length === DEFAULT_LIMIT || expiring?.length === DEFAULT_LIMIT;
  // Whoever has named a number knows that it is one.
  if (limitText === undefined && isCut)
    screen.say(`The first ${DEFAULT_LIMIT} of each: there may be more, which --limit shows.`);
}

function printed<R>(screen: Screen, title: string, rows: readonly R[], columns: readonly Column<R>[]): void {
  screen.line(tone('bold', rows.length === 0 ? `${title}: none` : title));
  if (rows.length > 0) screen.lines(screen.table(columns).lines(rows));
}

function inputColumns(screen: Screen, ids: ShortIds): Column<PendingInput>[] {
  return [
    { title: 'NAME', of: ({ name }) => name, least: 10 },
    { title: 'TYPE', of: ({ type }) => type, drop: 3 },
    ...commonColumns<PendingInput>(screen, ids),
    { title: 'QUESTION', of: ({ prompt }) => prompt?.split('\n')[0] ?? '', least: 16, drop: 4 },
  ];
}

function eventColumns(screen: Screen, ids: ShortIds): Column<PendingEvent>[] {
  return [{ title: 'NAME', of: ({ eventName }) => eventName, least: 10 }, ...commonColumns<PendingEvent>(screen, ids)];
}

function commonColumns<R extends PendingInput | PendingEvent>(screen: Screen, ids: ShortIds): Column<R>[] {
  return [
    { title: 'WORKFLOW', of: ({ workflow }) => workflow, least: 10, drop: 2 },
    { title: 'STEP', of: ({ step }) => step, least: 10, drop: 5 },
    { title: 'RUN', of: (row) => row.executionId, short: (row) => ids.of(row.executionId), shortenAt: 6 },
    { title: 'ASKED', of: ({ createdAt }) => screen.ago(createdAt), drop: 3 },
    { title: 'TIMES OUT', of: ({ timeoutAt }) => screen.ago(timeoutAt), drop: 1 },
  ];
}
