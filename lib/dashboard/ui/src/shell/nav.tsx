import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { get } from '../lib/api.js';
import { useMay, useMe, roleOf } from '../lib/me.js';
import { live } from '../lib/stream.js';
import { theme } from '../lib/theme.js';
import type { Count, Page, Schedule } from '../lib/types.js';
import { useUrl } from '../lib/url.js';
import { capped } from '../lib/words.js';
import { Menu } from '../parts/float.js';
import type { Glyph } from '../parts/glyphs.js';
import { Icon, Logo } from '../parts/icon.js';
import { shortcutsOpen } from './shortcuts.js';

interface Section {
  readonly id: Glyph;
  readonly name: string;
  readonly href: string;
  readonly action: string;
}

export const SECTIONS: readonly Section[] = [
  { id: 'overview', name: 'Overview', href: '/', action: 'overview.read' },
  { id: 'runs', name: 'Runs', href: '/runs', action: 'run.read' },
  { id: 'inbox', name: 'Inbox', href: '/inbox', action: 'input.read' },
  { id: 'workflows', name: 'Workflows', href: '/workflows', action: 'workflow.read' },
  { id: 'schedules', name: 'Schedules', href: '/schedules', action: 'schedule.read' },
  { id: 'queues', name: 'Queues', href: '/queues', action: 'queue.read' },
  { id: 'doctor', name: 'Doctor', href: '/doctor', action: 'doctor.read' },
];

export function useSections(): Section[] {
  const may = useMay();
  return SECTIONS.filter(({ action }) => may(action));
}

const isAt = (path: string, { id, href }: Section): boolean =>
  href === '/' ? path === '/' : path === href || path.startsWith(`${href}/`) || (id === 'doctor' && path === '/audit');

export const isBad = ({ autoDisabledAt, consecutiveFailures, removedAt }: Schedule): boolean =>
  removedAt === null && (autoDisabledAt !== null || consecutiveFailures > 0);

/** Of each schedule what is known without looking at runs: it stands beside every page. */
export const STATES_ALONE = { next: 0, runs: 0 };

/** What waits for people, and what has gone wrong, beside the sections. */
function useBadges(): Partial<Record<string, { text: string; bad?: boolean }>> {
  const may = useMay();
  const inputs = useQuery({
    queryKey: ['inputs-count'],
    queryFn: ({ signal }) => get<Count>('inputs/count', {}, signal),
    enabled: may('input.read'),
    refetchInterval: 30_000,
  });
  const schedules = useQuery({
    queryKey: ['schedules', 'states'],
    queryFn: ({ signal }) => get<Page<Schedule>>('schedules', STATES_ALONE, signal),
    enabled: may('schedule.read'),
    refetchInterval: 60_000,
  });
  const bad = schedules.data?.items.filter(isBad).length ?? 0;
  return {
    ...(inputs.data !== undefined && inputs.data.n > 0 && { inbox: { text: capped(inputs.data) } }),
    ...(bad > 0 && { schedules: { text: String(bad), bad: true } }),
  };
}

function ThemeMenu() {
  const chosen = theme.use();
  const item = (id: 'light' | 'dark' | 'system', text: string, icon: Glyph) => ({
    text: chosen === id ? <b className="b">{text}</b> : text,
    icon: <Icon name={icon} />,
    testId: `theme-${id}`,
    act: () => theme.set(id),
  });
  return (
    <Menu
      label="Theme"
      testId="theme"
      look="bare sm square"
      button={<Icon name={chosen === 'dark' ? 'moon' : 'sun'} />}
      items={[item('light', 'Light', 'sun'), item('dark', 'Dark', 'moon'), item('system', 'As the system', 'screen')]}
    />
  );
}

const LIVE: Record<string, string> = {
  live: 'Live',
  connecting: 'Connecting',
  polling: 'Polling',
  refused: 'Not live',
};

export function LiveState() {
  const { state } = live.use();
  return (
    <span
      className={`live ${state === 'live' || state === 'connecting' ? '' : 'off'}`}
      data-testid="live-state"
      data-state={state}
    >
      {LIVE[state]}
    </span>
  );
}

export function Rail() {
  const me = useMe();
  const { path } = useUrl();
  const badges = useBadges();
  return (
    <aside className="rail">
      <div className="brand">
        <Logo />
        <span className="cut">{me.title ?? 'Durable'}</span>
        {me.badge !== null && <small className={me.badge.tone === 'warn' ? 'warn' : ''}>{me.badge.label}</small>}
      </div>
      <nav className="nav" aria-label="Sections">
        {useSections().map((section) => (
          <span key={section.id} className="contents">
            {section.id === 'queues' && <hr />}
            <Link
              href={section.href}
              data-testid={`nav-${section.id}`}
              aria-current={isAt(path, section) ? 'page' : undefined}
              title={section.name}
            >
              <Icon name={section.id} />
              {section.name}
              {badges[section.id] !== undefined && (
                <span className={`tab-n ${badges[section.id]?.bad === true ? 'bad' : ''}`}>
                  {badges[section.id]?.text}
                </span>
              )}
            </Link>
          </span>
        ))}
      </nav>
      <div className="rail-foot">
        <div className="row">
          <LiveState />
          <span className="grow" />
          <button
            type="button"
            className="btn bare sm square"
            aria-label="Keyboard shortcuts"
            onClick={() => shortcutsOpen.set(true)}
          >
            <kbd>?</kbd>
          </button>
          <ThemeMenu />
        </div>
        <div className="row">
          <span className="cut" title={me.actor ?? undefined}>
            {me.actor ?? 'nobody signed in'}
          </span>
          <span className="role">{roleOf(me)}</span>
        </div>
      </div>
    </aside>
  );
}

const BAR = ['overview', 'runs', 'inbox', 'schedules'];

export function TabBar() {
  const { path, go } = useUrl();
  const badges = useBadges();
  const sections = useSections();
  const rest = sections.filter(({ id }) => !BAR.includes(id));
  const may = useMay();
  return (
    <nav className="tabbar" aria-label="Sections">
      {sections
        .filter(({ id }) => BAR.includes(id))
        .map((section) => (
          <Link
            key={section.id}
            href={section.href}
            data-testid={`nav-${section.id}`}
            aria-current={isAt(path, section) ? 'page' : undefined}
          >
            <Icon name={section.id} />
            {section.name}
            {badges[section.id] !== undefined && <sup>{badges[section.id]?.text}</sup>}
          </Link>
        ))}
      <Menu
        label="More"
        look="tab"
        testId="nav-more"
        className={rest.some((section) => isAt(path, section)) ? 'here' : ''}
        button={
          <>
            <Icon name="more" />
            More
          </>
        }
        items={[
          ...rest.map((section) => ({
            text: section.name,
            icon: <Icon name={section.id} />,
            testId: `nav-${section.id}`,
            act: () => go(section.href),
          })),
          ...(may('audit.read') ? [{ text: 'Audit', icon: <Icon name="history" />, act: () => go('/audit') }] : []),
          null,
          { text: 'Light', icon: <Icon name="sun" />, testId: 'theme-light', act: () => theme.set('light') },
          { text: 'Dark', icon: <Icon name="moon" />, testId: 'theme-dark', act: () => theme.set('dark') },
          {
            text: 'As the system',
            icon: <Icon name="screen" />,
            testId: 'theme-system',
            act: () => theme.set('system'),
          },
        ]}
      />
    </nav>
  );
}
