import { QueryClientProvider } from '@tanstack/react-query';
import { Component, lazy, type ReactNode, Suspense, useEffect } from 'react';
import { Redirect, Route, Router, Switch } from 'wouter';
import { ApiError } from '../lib/api.js';
import { copy } from '../lib/clipboard.js';
import { onKey, useKeys } from '../lib/keys.js';
import { MeContext, useMay, useMeQuery } from '../lib/me.js';
import { paletteOpen, takeTyped, typeAhead } from '../lib/palette-state.js';
import { queryClient } from '../lib/query.js';
import { sendAllNow, undoLast } from '../lib/toasts.js';
import { nameIn, useNarrow, useUrl } from '../lib/url.js';
import { Button } from '../parts/button.js';
import { Empty, Forbidden, Skeleton, Trouble } from '../parts/states.js';
import { RunPage } from '../pages/run/run.js';
import { RunsPage } from '../pages/runs/runs.js';
import { useLive } from './live.js';
import { Rail, SECTIONS, TabBar, useSections } from './nav.js';
import { PageFrame } from './page.js';
import { Shortcuts, shortcutsOpen } from './shortcuts.js';
import { Toasts } from './toasts.js';

const OverviewPage = lazy(() => import('../pages/overview/overview.js'));
const InboxPage = lazy(() => import('../pages/inbox/inbox.js'));
const WorkflowsPage = lazy(() => import('../pages/workflows/workflows.js'));
const WorkflowPage = lazy(() => import('../pages/workflows/workflow.js'));
const SchedulesPage = lazy(() => import('../pages/schedules/schedules.js'));
const QueuesPage = lazy(() => import('../pages/queues.js'));
const DoctorPage = lazy(() => import('../pages/doctor.js'));
const AuditPage = lazy(() => import('../pages/audit.js'));
const Palette = lazy(() => import('./palette.js'));

const base = new URL(document.baseURI).pathname.replace(/\/$/, '');

export function App() {
  return (
    <Broken>
      <QueryClientProvider client={queryClient}>
        <Router base={base}>
          <Gate />
        </Router>
      </QueryClientProvider>
    </Broken>
  );
}

function Gate() {
  const { data: me, error, refetch } = useMeQuery();
  if (me !== undefined) {
    return (
      <MeContext value={me}>
        <Shell />
      </MeContext>
    );
  }
  if (error instanceof ApiError && error.status === 403) {
    const closed = error.code === 'CLOSED';
    return (
      <main className="lone" data-testid={closed ? 'closed' : 'forbidden'}>
        <Empty title={closed ? 'The dashboard is closed here' : 'You may not see the dashboard'}>
          <p className="i2">{error.message}</p>
        </Empty>
      </main>
    );
  }
  if (error !== null) {
    return (
      <main className="lone">
        <Trouble error={error} again={() => void refetch()} />
      </main>
    );
  }
  return <main className="lone" aria-busy="true" />;
}

function Shell() {
  const { path, go } = useUrl();
  const narrow = useNarrow();
  const may = useMay();
  useLive(path);
  useEffect(() => {
    const keys = (event: KeyboardEvent): void => {
      if ((event.metaKey || event.ctrlKey) && event.key.toLowerCase() === 'k') {
        event.preventDefault();
        takeTyped();
        paletteOpen.set((open) => !open);
      } else if (typeAhead(event)) event.preventDefault();
      else onKey(event);
    };
    window.addEventListener('keydown', keys);
    window.addEventListener('pagehide', sendAllNow);
    return () => {
      window.removeEventListener('keydown', keys);
      window.removeEventListener('pagehide', sendAllNow);
    };
  }, []);
  useKeys({
    ...Object.fromEntries(
      SECTIONS.map(({ name, href, action }) => [`g ${name.charAt(0).toLowerCase()}`, () => may(action) && go(href)]),
    ),
    '?': () => shortcutsOpen.set(true),
    z: () => void undoLast(),
    y: () => copy(location.href, 'The link is copied'),
  });
  return (
    <div className="app">
      <a className="skip" href="#main" onClick={skip}>
        Skip to the page
      </a>
      {!narrow && <Rail />}
      <Broken key={path.split('/')[1]}>
        <Suspense fallback={<Waiting />}>
          <Pages />
        </Suspense>
      </Broken>
      {narrow && <TabBar />}
      <Toasts />
      <Shortcuts />
      <PaletteHost />
    </div>
  );
}

function skip(event: { preventDefault(): void }): void {
  event.preventDefault();
  const main = document.getElementById('main');
  main?.setAttribute('tabindex', '-1');
  main?.focus();
}

function PaletteHost() {
  const open = paletteOpen.use();
  if (!open) return null;
  return (
    <Suspense fallback={null}>
      <Palette />
    </Suspense>
  );
}

function Waiting() {
  return (
    <main className="main" aria-busy="true">
      <header className="top" />
      <Skeleton />
    </main>
  );
}

function Pages() {
  const { path } = useUrl();
  const sections = useSections();
  const may = useMay();
  const first = sections[0];
  const guarded = (action: string, page: ReactNode): ReactNode =>
    may(action) ? (
      page
    ) : (
      <PageFrame title="Not for you" crumbs={[{ text: 'Not for you' }]}>
        <Forbidden />
      </PageFrame>
    );
  return (
    <Switch>
      <Route path="/">
        {may('overview.read') || first === undefined ? (
          guarded('overview.read', <OverviewPage />)
        ) : (
          <Redirect to={first.href} replace />
        )}
      </Route>
      <Route path="/runs">{guarded('run.read', <RunsPage />)}</Route>
      <Route path="/runs/:id">{({ id }) => guarded('run.read', <RunPage key={id} id={id} />)}</Route>
      <Route path="/inbox/:id?">{({ id }) => guarded('input.read', <InboxPage id={id ?? null} />)}</Route>
      <Route path="/workflows">{guarded('workflow.read', <WorkflowsPage />)}</Route>
      <Route path="/workflows/:name">
        {() => guarded('workflow.read', <WorkflowPage key={nameIn(path)} name={nameIn(path)} />)}
      </Route>
      <Route path="/schedules/:name?">
        {({ name }) => guarded('schedule.read', <SchedulesPage name={name === undefined ? null : nameIn(path)} />)}
      </Route>
      <Route path="/queues">{guarded('queue.read', <QueuesPage />)}</Route>
      <Route path="/doctor">{guarded('doctor.read', <DoctorPage />)}</Route>
      <Route path="/audit">{guarded('audit.read', <AuditPage />)}</Route>
      <Route>
        <PageFrame title="Not found" crumbs={[{ text: 'Not found' }]}>
          <div className="page">
            <h1 className="sr">Not found</h1>
            <Empty title="There is no such page">
              <p className="i2">The address may have been cut short.</p>
            </Empty>
          </div>
        </PageFrame>
      </Route>
    </Switch>
  );
}

/** A page that breaks leaves the rest standing; an old tab whose files are gone after a deploy says so. */
class Broken extends Component<{ children: ReactNode }, { error: unknown }> {
  override state = { error: null };

  static getDerivedStateFromError(error: unknown): { error: unknown } {
    return { error };
  }

  override render(): ReactNode {
    const error = this.state.error as unknown;
    if (error === null) return this.props.children;
    const old = /dynamically imported module|Importing a module script failed|error loading/i.test(
      error instanceof Error ? error.message : '',
    );
    return (
      <main className="main" id="main">
        <div className="page">
          {old ? (
            <Empty title="A new version is here">
              <Button look="pri" onClick={() => location.reload()}>
                Reload
              </Button>
            </Empty>
          ) : (
            <Trouble error={error} again={() => this.setState({ error: null })} />
          )}
        </div>
      </main>
    );
  }
}
