import { useState } from 'react';
import { Link } from 'wouter';
import { acts } from '../../lib/acts.js';
import { same } from '../../lib/diff.js';
import { sizeOf } from '../../lib/json.js';
import { useMay } from '../../lib/me.js';
import { clock } from '../../lib/time.js';
import { isEnded } from '../../lib/tree-node.js';
import { type Run, type StepPayloads, type StepRow } from '../../lib/types.js';
import { hrefOf, useUrl } from '../../lib/url.js';
import { bytes, count } from '../../lib/words.js';
import { Button } from '../../parts/button.js';
import { ErrorView } from '../../parts/error-view.js';
import { Icon, statusText } from '../../parts/icon.js';
import { DiffView, JsonView } from '../../parts/json-view.js';
import { At, Took, Until } from '../../parts/text.js';
import { usePayloads } from './run-data.js';
import { ChildWell } from './child-well.js';

export function Attempts({
  run,
  attempts,
  initial,
}: {
  run: Run;
  attempts: readonly StepRow[];
  initial: number | null;
}) {
  const [chosen, setChosen] = useState<number | null>(initial);
  const [comparing, setComparing] = useState(false);
  const at = chosen !== null && chosen < attempts.length ? chosen : attempts.length - 1;
  const attempt = attempts[at];
  const before = at > 0 ? attempts[at - 1] : undefined;
  const may = useMay();
  const payloads = usePayloads(run.id, attempt?.seq ?? null);
  const older = usePayloads(run.id, comparing || before?.status === 'failed' ? (before?.seq ?? null) : null);
  if (attempt === undefined) return null;
  const retrying =
    attempt.status === 'failed' && run.standing.kind === 'retry' && at === attempts.length - 1 && !isEnded(run.status);
  const number = (a: StepRow, i: number): string =>
    new Set(attempts.map((x) => x.visit)).size > 1 ? `${a.visit}.${a.attempt}` : String(i + 1);
  return (
    <>
      {retrying && run.standing.until !== null && (
        <div className="well gap-t">
          <div className="row">
            <Icon name="retrying" className="s-wait" />
            <span className="grow">
              Attempt {attempt.attempt + 1} in{' '}
              <b className="b">
                <Until at={run.standing.until} />
              </b>
            </span>
            {may('run.hurry') && (
              <Button look="sm" onClick={() => acts.hurry(run.id)}>
                Try now
              </Button>
            )}
          </div>
        </div>
      )}
      {attempt.childId !== null && <ChildWell childId={attempt.childId} />}
      {attempts.length > 1 && (
        <div className="seg gap-t wrapping" role="group" aria-label="Attempt">
          {attempts.map((one, i) => (
            <button
              key={one.seq}
              type="button"
              data-testid={`attempt-${i + 1}`}
              aria-label={`Attempt ${number(one, i)}, ${statusText(one.status)}`}
              aria-pressed={i === at && !comparing}
              onClick={() => {
                setChosen(i);
                setComparing(false);
              }}
            >
              {number(one, i)}
            </button>
          ))}
          {before !== undefined && (
            <button type="button" aria-pressed={comparing} onClick={() => setComparing(!comparing)}>
              Compare {number(before, at - 1)} and {number(attempt, at)}
            </button>
          )}
        </div>
      )}
      {!may('payload.read') && attempt.error === null && <p className="note gap-t">You may not see payloads here</p>}
      {comparing && payloads.data !== undefined && older.data !== undefined ? (
        <Compared before={older.data} after={payloads.data} />
      ) : (
        <One
          attempt={attempt}
          of={attempts.length}
          payloads={payloads.data}
          before={before?.status === 'failed' && attempt.status === 'failed' ? older.data : undefined}
        />
      )}
    </>
  );
}

function Compared({ before, after }: { before: StepPayloads; after: StepPayloads }) {
  const pick = ({ input, output, error }: StepPayloads): Record<string, unknown> => ({
    input,
    output,
    error: error === null ? null : { ...error, stack: undefined },
  });
  return (
    <>
      <h4>What differs</h4>
      <div className="well">
        <DiffView before={pick(before)} after={pick(after)} testId="diff" />
      </div>
    </>
  );
}

const withoutStack = (error: StepPayloads['error']): unknown =>
  error === null ? null : { error: { ...error, stack: undefined } };

function One({
  attempt,
  of,
  payloads,
  before,
}: {
  attempt: StepRow;
  of: number;
  payloads: StepPayloads | undefined;
  before: StepPayloads | undefined;
}) {
  const { params, path } = useUrl();
  const error = payloads?.error ?? attempt.error;
  const logs = payloads?.logs ?? [];
  return (
    <>
      {error !== null && (
        <div className="gap-t">
          <ErrorView error={error} />
        </div>
      )}
      {before !== undefined &&
        payloads !== undefined &&
        !same(withoutStack(before.error), withoutStack(payloads.error)) && (
          <>
            <h4>What differs from the attempt before</h4>
            <div className="well">
              <DiffView before={withoutStack(before.error)} after={withoutStack(payloads.error)} testId="diff" />
            </div>
          </>
        )}
      <h4>
        Attempt {attempt.attempt}
        {of > 1 && <span className="note left">of {of}</span>}
        {attempt.round > 1 && <span className="note left">round {attempt.round}</span>}
      </h4>
      <dl className="facts">
        <dt>Started</dt>
        <dd>
          <At at={attempt.startedAt} grain="ms" />
        </dd>
        {attempt.completedAt !== null && (
          <>
            <dt>Ended</dt>
            <dd>
              <At at={attempt.completedAt} grain="ms" />
            </dd>
          </>
        )}
        <dt>{attempt.completedAt === null ? 'For' : 'Worked'}</dt>
        <dd>
          <Took from={attempt.startedAt} to={attempt.completedAt} />
        </dd>
        {attempt.compensationFor !== null && (
          <>
            <dt>Undoes</dt>
            <dd>
              <code>{attempt.compensationFor}</code>
            </dd>
          </>
        )}
      </dl>
      {payloads !== undefined && (
        <>
          <h4>
            Input <span className="note left">{bytes(sizeOf(payloads.input))}</span>
          </h4>
          <div className="well">
            <JsonView value={payloads.input} />
          </div>
          <h4>
            Output{' '}
            <span className="note left">
              {payloads.output === null
                ? attempt.completedAt === null
                  ? 'not yet'
                  : 'none'
                : bytes(sizeOf(payloads.output))}
            </span>
          </h4>
          {payloads.output !== null && payloads.output !== undefined && (
            <div className="well">
              <JsonView value={payloads.output} />
            </div>
          )}
          {logs.length > 0 && (
            <>
              <h4>
                Logs{' '}
                <span className="note left">
                  {count(logs.length)} {logs.length === 1 ? 'line' : 'lines'}
                </span>
                <Link className="u note" href={hrefOf(path, params, { tab: 'logs', step: null, of: attempt.step })}>
                  all
                </Link>
              </h4>
              <div className="json logs-s">
                {logs.slice(0, 50).map((line, i) => (
                  <span className="l" key={i}>
                    <span className="x">{clock(new Date(line.time), 'ms')}</span>{' '}
                    <span className={`lv ${line.level}`}>{line.level}</span> {line.message}
                  </span>
                ))}
              </div>
            </>
          )}
        </>
      )}
    </>
  );
}
