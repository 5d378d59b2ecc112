import { duration } from '../../lib/time.js';
import type { Figure, Overview } from '../../lib/types.js';
import { OneFigure } from '../../parts/figure.js';
import { count, figure, percent } from '../../lib/words.js';

const BEFORE: Record<string, string> = {
  '1h': 'the hour before',
  '6h': 'the 6 h before',
  '24h': 'the day before',
  '7d': 'the week before',
  '30d': 'the 30 days before',
};

function compared({ now: is, before: was }: Figure, span: string): string {
  if (is === null || was === null || was === undefined) return '';
  const than = BEFORE[span] ?? 'before';
  if (was === 0) return is === 0 ? `as ${than}` : `none ${than}`;
  const ratio = is / was;
  if (ratio >= 3) return `${figure(Math.round(ratio))} times ${than}`;
  const change = Math.round((ratio - 1) * 100);
  return change === 0 ? `as ${than}` : `${Math.abs(change)} % ${change > 0 ? 'up on' : 'down on'} ${than}`;
}

export function Figures({ figures, span }: { figures: Overview['figures']; span: string }) {
  const { started, completed, failed, p50, p95, delay50, delay95, unfinished } = figures;
  const minutes = (MS[span] ?? 1) / 60_000;
  const ended = (completed.now ?? 0) + (failed.now ?? 0);
  const time = (ms: number | null): [string, string] => {
    if (ms === null) return ['—', ''];
    const [n = '', unit = ''] = duration(ms, 1).split('\u00a0');
    return [n, unit];
  };
  return (
    <dl className="figs" data-testid="figures">
      <OneFigure
        name="Started"
        value={count(started.now ?? 0)}
        unit={`${figure((started.now ?? 0) / minutes)} / min`}
        note={compared(started, span)}
      />
      <OneFigure
        name="Completed"
        value={count(completed.now ?? 0)}
        note={ended === 0 ? '' : `${percent((completed.now ?? 0) / ended)} of what ended`}
      />
      <OneFigure
        name="Failed"
        value={count(failed.now ?? 0)}
        unit={ended === 0 ? '' : percent((failed.now ?? 0) / ended)}
        note={compared(failed, span)}
        bad={(failed.now ?? 0) > 0}
      />
      <OneFigure
        name="Duration, p50"
        value={time(p50.now)[0]}
        unit={time(p50.now)[1]}
        note={p95.now === null ? '' : `p95 about ${duration(p95.now, 1)}`}
      />
      <OneFigure
        name="Start delay, p50"
        value={time(delay50.now)[0]}
        unit={time(delay50.now)[1]}
        note={delay95.now === null ? '' : `p95 about ${duration(delay95.now, 1)}`}
      />
      <OneFigure
        name="Unfinished"
        value={count(unfinished.total)}
        unit={`${count(unfinished.running)} running`}
        note={`${count(unfinished.waiting)} wait, ${count(unfinished.due)} due`}
      />
    </dl>
  );
}

export const MS: Record<string, number> = { '1h': 3.6e6, '6h': 2.16e7, '24h': 8.64e7, '7d': 6.048e8, '30d': 2.592e9 };
