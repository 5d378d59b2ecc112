import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { Link } from 'wouter';
import { ApiError, get } from '../../lib/api.js';
import { useKeys } from '../../lib/keys.js';
import { useMay } from '../../lib/me.js';
import { roughly } from '../../lib/time.js';
import type { Count, Input, Page } from '../../lib/types.js';
import { hrefOf, useNarrow, useUrl } from '../../lib/url.js';
import { capped, count } from '../../lib/words.js';
import { now, useNow } from '../../lib/clock.js';
import { Button } from '../../parts/button.js';
import { Further } from '../../parts/further.js';
import { Menu } from '../../parts/float.js';
import { glyphs, type Glyph } from '../../parts/glyphs.js';
import { Icon } from '../../parts/icon.js';
import { Empty, Skeleton, Trouble } from '../../parts/states.js';
import { Ago } from '../../parts/text.js';
import { PageFrame } from '../../shell/page.js';
import { Answer, titleOf } from './answer.js';
import { Events, useEvents } from './events.js';

type Part = 'answers' | 'events' | 'answered';

/** What waits for people. */
export default function InboxPage({ id }: { id: string | null }) {
  const { params, set, go } = useUrl();
  const may = useMay();
  const narrow = useNarrow();
  const part: Part =
    params.get('show') === 'events' && may('event.read')
      ? 'events'
      : params.get('show') === 'answered'
        ? 'answered'
        : 'answers';
  const workflow = params.get('workflow');
  const type = params.get('type');
  const order = params.get('order') ?? 'timeout';
  const inputs = useInfiniteQuery({
    queryKey: ['inputs', part, workflow, type, order],
    queryFn: ({ pageParam, signal }) =>
      get<Page<Input>>(
        'inputs',
        {
          workflow,
          type,
          order: part === 'answered' ? 'asked' : order,
          status: part === 'answered' ? 'completed' : null,
          limit: 100,
          cursor: pageParam,
        },
        signal,
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
    enabled: part !== 'events',
  });
  const all = inputs.data?.pages.flatMap((page) => page.items) ?? [];
  const total = useQuery({
    queryKey: ['inputs-count'],
    queryFn: ({ signal }) => get<Count>('inputs/count', {}, signal),
  });
  const [sent, setSent] = useState<ReadonlySet<string>>(new Set());
  const asked = useEvents(may('event.read'));
  const items = all.filter((input) => !sent.has(input.id));
  const here = items.find((input) => input.id === id);
  const lone = useQuery({
    queryKey: ['inputs', 'one', id],
    queryFn: ({ signal }) =>
      get<Page<Input>>('inputs', { inputId: id, status: 'pending,completed,timed_out,cancelled' }, signal),
    enabled: id !== null && inputs.data !== undefined && here === undefined && !sent.has(id),
  });
  const shown = here ?? lone.data?.items.find((input) => input.id === id);
  // What is no id names none either.
  const isNone = lone.data !== undefined || (lone.error instanceof ApiError && lone.error.status === 400);
  // One that was sent just now gives way to the next.
  const isGone = id !== null && shown === undefined && !sent.has(id) && isNone;
  const trouble = inputs.error ?? lone.error;
  const search = params.toString() === '' ? '' : `?${params.toString()}`;
  const first = items[0]?.id;
  useEffect(() => {
    if (!narrow && id === null && part === 'answers' && first !== undefined) go(`/inbox/${first}${search}`, true);
  }, [narrow, id, part, first, go, search]);
  const index = items.findIndex((input) => input.id === id);
  const after = (by: number): Input | undefined => items[index === -1 ? 0 : index + by];
  const open = (input: Input | undefined): void => {
    if (input !== undefined) go(`/inbox/${input.id}${search}`, true);
  };
  useKeys({
    ArrowDown: () => open(after(1)),
    ArrowUp: () => open(after(-1)),
    k: () => open(after(-1)),
    ...(shown === undefined && { j: () => open(after(1)) }),
  });
  const gone = (input: Input): void => {
    const next = items[index + 1] ?? items[index - 1];
    setSent((was) => new Set(was).add(input.id));
    go(next === undefined || narrow ? `/inbox${search}` : `/inbox/${next.id}${search}`, true);
  };
  const back = (input: Input): void => {
    setSent((was) => new Set([...was].filter((one) => one !== input.id)));
    go(`/inbox/${input.id}${search}`, true);
  };
  const answer = shown !== undefined && (
    <Answer
      key={shown.id}
      input={shown}
      onGone={() => gone(shown)}
      onBack={() => back(shown)}
      onSkip={items.length > 1 ? () => open(after(1) ?? items[0]) : undefined}
      next={after(1)?.id ?? null}
    />
  );
  if (narrow && id !== null) {
    return (
      <PageFrame
        title={shown === undefined ? 'Inbox' : titleOf(shown)}
        crumbs={[
          { text: 'Inbox', href: `/inbox${search}` },
          { text: index === -1 ? 'Question' : `${index + 1} of ${items.length}` },
        ]}
      >
        <h1 className="sr">Inbox</h1>
        {answer !== false ? (
          answer
        ) : isGone ? (
          <Gone />
        ) : trouble !== null ? (
          <Trouble error={trouble} again={() => void (inputs.error === null ? lone : inputs).refetch()} />
        ) : (
          <Skeleton />
        )}
      </PageFrame>
    );
  }
  const workflows = [...new Set(all.map((input) => input.workflow))];
  return (
    <PageFrame title="Inbox" crumbs={[{ text: 'Inbox' }]}>
      <div className="page">
        <div className="head">
          <h1>Inbox</h1>
          <div className="seg" role="group" aria-label="What waits">
            <Link
              href={hrefOf('/inbox', params, { show: null })}
              aria-current={part === 'answers' ? 'true' : undefined}
            >
              Answers {total.data === undefined ? '' : capped(total.data)}
            </Link>
            {may('event.read') && (
              <Link
                href={hrefOf('/inbox', params, { show: 'events' })}
                data-testid="inbox-events"
                aria-current={part === 'events' ? 'true' : undefined}
              >
                Events{' '}
                {asked.data === undefined
                  ? ''
                  : `${count(asked.data.items.length)}${asked.data.next === null ? '' : '+'}`}
              </Link>
            )}
            <Link
              href={hrefOf('/inbox', params, { show: 'answered' })}
              data-testid="inbox-answered"
              aria-current={part === 'answered' ? 'true' : undefined}
            >
              Answered
            </Link>
          </div>
          <span className="grow" />
          {part !== 'events' && (
            <>
              <Menu
                label="Workflow"
                look="sm"
                button={
                  <>
                    <Icon name="workflows" />
                    {workflow ?? 'All workflows'}
                  </>
                }
                items={[
                  { text: 'All workflows', act: () => set({ workflow: null }) },
                  ...workflows.map((name) => ({ text: <code>{name}</code>, act: () => set({ workflow: name }) })),
                ]}
              />
              {part === 'answers' && (
                <Button look="sm" onClick={() => set({ order: order === 'timeout' ? 'asked' : null })}>
                  {order === 'timeout' ? 'Times out first' : 'Asked first'}
                </Button>
              )}
            </>
          )}
        </div>
        {part === 'events' ? (
          <Events />
        ) : inputs.error !== null && inputs.data === undefined ? (
          <Trouble error={inputs.error} again={() => void inputs.refetch()} />
        ) : (
          <div className="mail">
            <div className="l" role="list" aria-label="Questions">
              {inputs.isPending && <Skeleton rows={8} height={58} />}
              {items.map((input) => (
                <Ask key={input.id} input={input} on={input.id === id} href={`/inbox/${input.id}${search}`} />
              ))}
              {inputs.hasNextPage && (
                <div className="row foot" role="listitem">
                  <Further of={inputs} testId="more-questions">
                    More questions
                  </Further>
                </div>
              )}
              {inputs.data !== undefined && items.length === 0 && <Nobody answered={part === 'answered'} />}
            </div>
            <div className="r">{answer === false && isGone ? <Gone /> : answer}</div>
          </div>
        )}
      </div>
    </PageFrame>
  );
}

function Gone() {
  return (
    <div className="page">
      <Empty title="This question is not here">
        <p className="i2">If retention deletes finished runs here, their questions went with them.</p>
      </Empty>
    </div>
  );
}

function Nobody({ answered = false }: { answered?: boolean }) {
  return (
    <div className="page">
      <Empty title={answered ? 'Nothing has been answered yet' : 'Nobody is waited for'}>
        <p className="i2">
          A step asks with <code>waitForInput()</code>. Its question comes here, the first to time out first.
        </p>
      </Empty>
    </div>
  );
}

function Ask({ input, on, href }: { input: Input; on: boolean; href: string }) {
  useNow(30_000);
  const left = input.timeoutAt === null ? null : Date.parse(input.timeoutAt) - now();
  const icon = input.type in glyphs ? (input.type as Glyph) : 'free_text';
  return (
    <div role="listitem">
      <Link
        className={`ask ${on ? 'on' : ''}`}
        href={href}
        data-testid="ask"
        data-id={input.id}
        aria-current={on ? 'true' : undefined}
        replace={on}
      >
        <Icon name={icon} />
        <p className="cut">{titleOf(input)}</p>
        <span className={`due ${left !== null && left < 3_600_000 && input.status === 'pending' ? 'soon' : ''}`}>
          {input.status === 'pending' ? left === null ? 'never' : roughly(left) : <Ago at={input.closedAt} />}
        </span>
        <span className="t cut">
          <code>{input.name}</code> in <code>{input.workflow}</code>
        </span>
      </Link>
    </div>
  );
}
