import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'wouter';
import { refused } from '../lib/acts.js';
import { get, send } from '../lib/api.js';
import { copy as copyText } from '../lib/clipboard.js';
import { useMay } from '../lib/me.js';
import { refresh } from '../lib/query.js';
import { tell } from '../lib/toasts.js';
import type { AuditRow, Doctor, Page } from '../lib/types.js';
import { bytes, capital, large, shortId, spelt } from '../lib/words.js';
import { actionWords } from '../parts/action-words.js';
import { Button } from '../parts/button.js';
import { Icon, StatusIcon } from '../parts/icon.js';
import { Skeleton, Trouble } from '../parts/states.js';
import { Ago, Words } from '../parts/text.js';
import { PageFrame } from '../shell/page.js';

/** What is looked at, worst first, with how to mend it. */
export default function DoctorPage() {
  const may = useMay();
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ['doctor'],
    queryFn: ({ signal }) => get<Doctor>('doctor', {}, signal),
    refetchInterval: 30_000,
  });
  const [verified, setVerified] = useState<{ violations: unknown[] } | null>(null);
  const [busy, setBusy] = useState(false);
  const verify = async (): Promise<void> => {
    setBusy(true);
    try {
      const answer = await send<{ violations: unknown[] }>('POST', 'doctor/verify', {});
      setVerified(answer);
      tell({
        text:
          answer.violations.length === 0
            ? 'Nothing stored is wrong'
            : `${answer.violations.length} violations were found`,
        tone: answer.violations.length === 0 ? 'done' : 'bad',
      });
    } catch (fault) {
      refused(fault);
    } finally {
      setBusy(false);
      refresh('doctor', 'audit');
    }
  };
  const checks = [...(data?.checks ?? [])].sort((a, b) => ORDER[a.state] - ORDER[b.state]);
  const open = checks.filter(({ state }) => state !== 'ok').length;
  const verdict =
    data === undefined ? '\u00a0' : open === 0 ? 'All is well.' : `${capital(spelt(open, 'thing'))} to look at.`;
  const copy = (): void => {
    const lines = [
      `nest-durable on PostgreSQL ${data?.database.version ?? '?'}, schema ${data?.database.schema ?? '?'}`,
      ...checks.map(({ state, text }) => `${state}: ${text}`),
      ...(data?.tables ?? []).map(({ name, rows, bytes: size }) => `${name}: ${rows} rows, ${size} bytes`),
    ];
    copyText(lines.join('\n'), 'The checks are copied, without payloads');
  };
  return (
    <PageFrame title="Doctor" crumbs={[{ text: 'Doctor' }]}>
      <div className="page flush">
        <div className="head">
          <h1 className="sr">Doctor</h1>
          <p className="verdict">{verdict}</p>
          <span className="grow" />
          {may('doctor.verify') && (
            <Button testId="verify" disabled={busy} onClick={() => void verify()}>
              {busy ? 'Verifies…' : 'Verify all that is stored'}
            </Button>
          )}
          <Button look="bare" onClick={copy}>
            Copy for an issue
          </Button>
        </div>
      </div>
      {isPending && <Skeleton rows={8} height={56} />}
      {error !== null && data === undefined && <Trouble error={error} again={() => void refetch()} />}
      {data !== undefined && (
        <div className="two hl stretch-b">
          <section className="plain-s" aria-label="Checks">
            <ul data-testid="checks">
              {verified !== null && (
                <li className="chk" data-testid="check-verified">
                  {verified.violations.length === 0 ? (
                    <StatusIcon status="completed" />
                  ) : (
                    <StatusIcon status="failed" />
                  )}
                  <div>
                    <p>
                      Verified just now:{' '}
                      {verified.violations.length === 0 ? 'no violations' : `${verified.violations.length} violations`}
                    </p>
                    {verified.violations.slice(0, 20).map((violation, i) => (
                      <p className="sub m" key={i}>
                        {typeof violation === 'string' ? violation : JSON.stringify(violation)}
                      </p>
                    ))}
                  </div>
                </li>
              )}
              {checks.map(({ id, state, text, mend }) => (
                <li className="chk" key={id} data-testid={`check-${id}`} data-state={state}>
                  {state === 'ok' ? (
                    <StatusIcon status="completed" title="ok" />
                  ) : state === 'warn' ? (
                    <Icon name="warn" className="s-wait" title="warning" />
                  ) : (
                    <StatusIcon status="failed" title="bad" />
                  )}
                  <div>
                    <p className={state === 'ok' ? '' : 'b'}>
                      <Words text={text} />
                    </p>
                    {mend !== undefined && mend !== null && (
                      <p className="sub">
                        <Words text={mend} />
                      </p>
                    )}
                  </div>
                  {(id === 'polling' || id === 'listening' || id === 'notifications') && state !== 'ok' && (
                    <Link className="btn sm" href="/queues">
                      Open workers
                    </Link>
                  )}
                </li>
              ))}
            </ul>
          </section>
          <section className="plain-s">
            <Tables doctor={data} />
            {may('audit.read') && <Lately />}
          </section>
        </div>
      )}
    </PageFrame>
  );
}

const ORDER = { bad: 0, warn: 1, ok: 2 };

function Tables({ doctor: { tables, database } }: { doctor: Doctor }) {
  const most = Math.max(1, ...tables.map((t) => t.bytes));
  return (
    <>
      <div className="sec-h pad-h">
        <h2>
          Tables{' '}
          <small>
            PostgreSQL {database.version}, schema {database.schema}
          </small>
        </h2>
      </div>
      {tables.map(({ name, rows, bytes: size }) => (
        <div
          className="tr"
          key={name}
          style={{ '--cols': 'minmax(0,1fr) 70px 64px 70px', '--cols-n': 'minmax(0,1fr) 64px 60px' }}
        >
          <code className="cut">{name}</code>
          <span className="num i2">{large(rows)}</span>
          <span className="num b">{bytes(size)}</span>
          <span className="bar wid">
            <i style={{ width: `${(size / most) * 100}%` }} />
          </span>
        </div>
      ))}
    </>
  );
}

function Lately() {
  const { data } = useQuery({
    queryKey: ['audit', 'lately'],
    queryFn: ({ signal }) => get<Page<AuditRow>>('audit', { limit: 6 }, signal),
  });
  return (
    <>
      <div className="sec-h pad-h">
        <h2>
          Who did what <small>lately</small>
        </h2>
        <Link className="u note" href="/audit">
          Audit
        </Link>
      </div>
      {data?.items.length === 0 && <p className="note pad-h">Nobody has acted yet.</p>}
      {data?.items.map((row) => (
        <div className="tr" key={row.id} style={{ '--cols': 'minmax(0,1fr) minmax(0,1fr) 72px' }}>
          <span className="cut i2">{row.actor ?? 'nobody'}</span>
          <span className="cut">
            {actionWords(row.action)}{' '}
            {row.targetId !== null && <code>{row.targetKind === 'run' ? shortId(row.targetId) : row.targetId}</code>}
          </span>
          <span className="num i3">
            <Ago at={row.at} />
          </span>
        </div>
      ))}
    </>
  );
}
