import type { ReactNode } from 'react';
import { duration } from '../../lib/time.js';
import { isEnded } from '../../lib/tree-node.js';
import type { HistoryItem, Run, StoredError } from '../../lib/types.js';
import { capital, plain, shortId, unchangedFor } from '../../lib/words.js';
import { Further } from '../../parts/further.js';
import { actionWords } from '../../parts/action-words.js';
import { glyphs, type Glyph } from '../../parts/glyphs.js';
import { Icon, statusText, toneOf } from '../../parts/icon.js';
import { Skeleton, Trouble } from '../../parts/states.js';
import { At, Words } from '../../parts/text.js';
import { useHistory } from './run-data.js';

const text = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);

const ICONS: Record<string, Glyph> = {
  started: 'play',
  waiting: 'waiting',
  event: 'event',
  answer: 'approval',
  resumed: 'play',
  paused: 'paused',
  retry: 'retrying',
  round: 'retry',
  audit: 'step',
};

const ACTS: Record<string, Glyph> = {
  'run.pause': 'paused',
  'run.resume': 'play',
  'run.retry': 'retry',
  'run.restart': 'fork',
  'run.cancel': 'stop',
  'run.hurry': 'retrying',
  'event.send': 'send',
  'input.answer': 'approval',
  'wait.cancel': 'x',
};

/** What happened, and who did it. */
export default function HistoryTab({ run }: { run: Run }) {
  const query = useHistory(run.id);
  const { data, isPending, error, refetch, hasNextPage } = query;
  const items = data?.pages.flatMap((page) => page.items) ?? [];
  if (isPending) return <Skeleton rows={8} height={44} />;
  if (error !== null && items.length === 0) return <Trouble error={error} again={() => void refetch()} />;
  return (
    <div className="split one">
      <div className="l hist-l">
        <ol className="hist" data-testid="history">
          {items.map((item, i) => (
            <Item key={i} item={item} />
          ))}
          {!isEnded(run.status) && !hasNextPage && (
            <li className="nowl">
              <span className="dot" />
              <div>
                <p className="i2">now</p>
              </div>
              <span />
            </li>
          )}
        </ol>
        {hasNextPage && <Further of={query}>Later</Further>}
      </div>
    </div>
  );
}

function Item({ item }: { item: HistoryItem }) {
  const { kind, at } = item;
  const actor = text(item['actor']) ?? (kind === 'audit' ? 'somebody' : text(item['by']));
  const icon = ACTS[text(item['action']) ?? ''] ?? ICONS[kind] ?? (kind in glyphs ? (kind as Glyph) : 'step');
  const act = kind === 'audit' || (actor !== null && (kind === 'paused' || kind === 'answer'));
  const { title, note } = wordsOf(item);
  return (
    <li className={act ? 'op' : ''} data-testid="history-item" data-kind={kind} data-actor={actor ?? undefined}>
      <Icon
        name={icon}
        className={
          kind in ICONS && !['waiting', 'paused', 'retry'].includes(kind)
            ? 'i3'
            : `s-${toneOf(kind === 'retry' ? 'retrying' : kind)}`
        }
      />
      <div>
        <p>
          {typeof title === 'string' ? <Words text={title} /> : title}
          {act && actor !== null && (
            <>
              {' '}
              by <b>{actor}</b>
            </>
          )}
        </p>
        {note !== null && (
          <p className="note">
            <Words text={note} />
          </p>
        )}
      </div>
      <span className="note tab-n">
        <At at={at} />
      </span>
    </li>
  );
}

function joined(...parts: (string | null)[]): string | null {
  const all = parts.filter((p) => p !== null);
  return all.length === 0 ? null : all.join(', ');
}

function waitedFor(item: HistoryItem): string {
  const waits = item['waits'] as { kind: string; names: string[] }[] | undefined;
  const first = waits?.[0];
  const kind = first?.kind ?? text(item['wait']) ?? '';
  const names = (first?.names ?? [text(item['name']) ?? '']).filter((n) => n !== '').map((n) => `\`${n}\``);
  if (kind === 'input') return `asked for an answer${names.length === 0 ? '' : ` to ${names.join(', ')}`}`;
  if (kind === 'sleep') return 'sleeps';
  if (kind === 'child') return `waits for its child ${names.join(', ')}`;
  return names.length === 0 ? 'waits' : `waits for the event ${names.join(kind === 'any' ? ' or ' : ' and ')}`;
}

function wordsOf(item: HistoryItem): { title: ReactNode; note: string | null } {
  const step = text(item['step']);
  const name = text(item['eventName']) ?? text(item['inputName']) ?? text(item['name']);
  const error = item['error'] as StoredError | null | undefined;
  const fault = error === null || error === undefined ? null : `\`${error.name}\`: ${error.message}`;
  const reason = text(item['reason']);
  const said = reason === null ? null : `“${plain(reason)}”`;
  const own = text(item['text']) ?? text(item['title']);
  const ms = typeof item['durationMs'] === 'number' ? duration(item['durationMs']) : null;
  switch (item.kind) {
    case 'started': {
      const schedule = text(item['schedule']);
      const parent = text(item['parentId']) ?? text(item['parent']);
      const retryOf = text(item['retryOf']);
      const by =
        schedule !== null
          ? `by the schedule \`${schedule}\``
          : parent !== null
            ? `by its parent \`${shortId(parent)}\``
            : retryOf !== null
              ? `as a retry of \`${shortId(retryOf)}\``
              : 'by a client';
      return { title: 'Started', note: by };
    }
    case 'waiting':
      return {
        title: own ?? `${step === null ? 'The run' : `\`${step}\``} ${waitedFor(item)}`,
        note: joined(text(item['prompt']), said),
      };
    case 'event': {
      const unmatched = item['matched'] === false || item['wait'] === null;
      return {
        title: own ?? `Event \`${name ?? ''}\` came`,
        note: joined(
          unmatched ? 'kept: no step has asked for it' : null,
          text(item['dedupeKey']) === null ? null : `key \`${text(item['dedupeKey'])}\``,
        ),
      };
    }
    case 'answer':
      return { title: own ?? `\`${name ?? ''}\` was answered`, note: said };
    case 'resumed':
      return { title: own ?? 'Went on', note: said };
    case 'paused':
      return { title: own ?? 'Paused', note: joined(fault, said) };
    case 'retry':
      return {
        title:
          own ?? `\`${step ?? ''}\` failed${typeof item['attempt'] === 'number' ? `, attempt ${item['attempt']}` : ''}`,
        note: fault,
      };
    case 'round':
      return { title: own ?? roundOf(item['round']), note: fault };
    case 'compensating':
      return { title: own ?? 'What it did is being undone', note: fault };
    case 'audit': {
      const details = item['details'] as Record<string, unknown> | null | undefined;
      const why = text(details?.['reason']) ?? reason;
      const outcome = text(item['outcome']);
      const isVain = details?.['changed'] === false;
      const found = text(details?.['status']);
      return {
        title: capital(actionWords(text(item['action']) ?? 'act')) + (isVain ? ' in vain' : ''),
        note: joined(
          isVain && found !== null ? unchangedFor(found) : null,
          isVain || outcome === null || outcome === 'done'
            ? null
            : `${outcome}${text(item['code']) === null ? '' : ` with ${text(item['code'])}`}`,
          why === null ? null : `“${plain(why)}”`,
        ),
      };
    }
    default:
      return { title: own ?? statusText(item.kind), note: joined(ms, fault, said) };
  }
}

function roundOf(round: unknown): string {
  return typeof round === 'number' ? `Round ${round} began` : 'Another round began';
}
