import type { ReactNode } from 'react';

/* Drawn at 16 px with a stroke of 1.5. A state is told by its shape first, by its colour second. */

export const glyphs = {
  pending: (
    <>
      <circle cx="8" cy="8" r="5.75" strokeDasharray=".1 3.01" strokeWidth="1.75" />
    </>
  ),
  running: (
    <>
      <circle cx="8" cy="8" r="5.75" opacity=".28" />
      <path className="arc" d="M8 2.25a5.75 5.75 0 0 1 5.75 5.75" />
      <circle cx="8" cy="8" r="1.75" fill="currentColor" stroke="none" />
    </>
  ),
  waiting: (
    <>
      <path d="M4 2.25h8M4 13.75h8M4.9 2.6c0 3 3.1 4 3.1 5.4s-3.1 2.4-3.1 5.4M11.1 2.6c0 3-3.1 4-3.1 5.4s3.1 2.4 3.1 5.4" />
      <path d="M6 13c.4-1.2 1.2-1.8 2-2.4.8.6 1.6 1.2 2 2.4z" fill="currentColor" strokeWidth=".6" />
    </>
  ),
  paused: (
    <>
      <rect x="2.25" y="2.25" width="11.5" height="11.5" rx="3" />
      <path d="M6.4 5.75v4.5M9.6 5.75v4.5" strokeWidth="1.75" />
    </>
  ),
  completed: (
    <>
      <circle cx="8" cy="8" r="6.5" fill="currentColor" stroke="none" />
      <path d="m5.2 8.2 1.9 1.9 3.7-4" stroke="var(--paper)" strokeWidth="1.6" />
    </>
  ),
  failed: (
    <>
      <path d="M5.2 1.5h5.6l3.7 3.7v5.6l-3.7 3.7H5.2l-3.7-3.7V5.2z" fill="currentColor" stroke="none" />
      <path d="m5.8 5.8 4.4 4.4m0-4.4-4.4 4.4" stroke="var(--paper)" strokeWidth="1.6" />
    </>
  ),
  cancelled: (
    <>
      <circle cx="8" cy="8" r="5.75" />
      <path d="m4.1 11.9 7.8-7.8" />
    </>
  ),
  compensating: (
    <>
      <path d="M3 8.6A5.2 5.2 0 1 0 5 4.2" />
      <path d="M5.9 1.7 4.6 4.4l2.9 1" />
    </>
  ),
  compensated: (
    <>
      <circle cx="8" cy="8" r="6.5" fill="currentColor" stroke="none" />
      <path d="M6.6 4.7 4.4 6.9l2.2 2.2M4.6 6.9h4.3a2.1 2.1 0 0 1 0 4.2H7.4" stroke="var(--paper)" strokeWidth="1.5" />
    </>
  ),
  compensation_failed: (
    <>
      <path d="M8 1.4 15 14H1z" fill="currentColor" stroke="currentColor" strokeWidth="1" />
      <path d="M8 5.8v3.6M8 11.8v.1" stroke="var(--paper)" strokeWidth="1.7" />
    </>
  ),
  warn: (
    <>
      <path d="M8 2 14.5 13.5h-13z" />
      <path d="M8 6.4v3.2M8 11.6v.1" />
    </>
  ),
  retrying: (
    <>
      <path d="M13 7.4A5.2 5.2 0 1 0 11 11.8" />
      <path d="M13.6 3.6 13 7.6l-3.8-.9" />
    </>
  ),
  overview: (
    <>
      <path d="M1.75 8h3l1.75-4.5L9.5 12.5 11.25 8h3" />
    </>
  ),
  runs: (
    <>
      <path d="M5.75 4h8M5.75 8h8M5.75 12h8M2.25 4h.1M2.25 8h.1M2.25 12h.1" />
    </>
  ),
  inbox: (
    <>
      <path d="M2 9.5 3.9 3.6a1 1 0 0 1 1-.6h6.2a1 1 0 0 1 1 .6L14 9.5v2.6a1 1 0 0 1-1 1H3a1 1 0 0 1-1-1zM2 9.5h3.4l1 1.7h3.2l1-1.7H14" />
    </>
  ),
  workflows: (
    <>
      <rect x="1.75" y="2" width="5" height="4" rx="1.2" />
      <rect x="9.25" y="10" width="5" height="4" rx="1.2" />
      <path d="M4.25 6v4a2 2 0 0 0 2 2h3" />
    </>
  ),
  schedules: (
    <>
      <circle cx="8" cy="8" r="6" />
      <path d="M8 4.6V8l2.2 1.5" />
    </>
  ),
  queues: (
    <>
      <path d="m2 5.2 6-2.9 6 2.9-6 2.9zM2.4 8.2 8 10.9l5.6-2.7M2.4 11 8 13.7l5.6-2.7" />
    </>
  ),
  doctor: (
    <>
      <path d="M8 13.6S2 10.2 2 6.2A3.2 3.2 0 0 1 8 4.6a3.2 3.2 0 0 1 6 1.6c0 4-6 7.4-6 7.4z" />
      <path d="M4.6 7.4h1.6l1-1.8 1.5 3.2.9-1.4h1.8" strokeWidth="1.2" />
    </>
  ),
  search: (
    <>
      <circle cx="7" cy="7" r="4.5" />
      <path d="m10.5 10.5 3.3 3.3" />
    </>
  ),
  sun: (
    <>
      <circle cx="8" cy="8" r="2.75" />
      <path d="M8 1.5v1.2M8 13.3v1.2M1.5 8h1.2M13.3 8h1.2M3.4 3.4l.9.9M11.7 11.7l.9.9M12.6 3.4l-.9.9M4.3 11.7l-.9.9" />
    </>
  ),
  chev: (
    <>
      <path d="m6 4 4 4-4 4" />
    </>
  ),
  chevd: (
    <>
      <path d="m4 6 4 4 4-4" />
    </>
  ),
  x: (
    <>
      <path d="m4 4 8 8m0-8-8 8" />
    </>
  ),
  check: (
    <>
      <path d="m3.2 8.4 3 3 6.4-7" />
    </>
  ),
  more: (
    <>
      <path d="M3.2 8h.1M8 8h.1M12.8 8h.1" strokeWidth="2" />
    </>
  ),
  copy: (
    <>
      <rect x="5.5" y="5.5" width="8" height="8" rx="1.5" />
      <path d="M10.5 5.5V3.8a1.3 1.3 0 0 0-1.3-1.3H3.8a1.3 1.3 0 0 0-1.3 1.3v5.4a1.3 1.3 0 0 0 1.3 1.3h1.7" />
    </>
  ),
  retry: (
    <>
      <path d="M13 7.4A5.2 5.2 0 1 0 11 11.8" />
      <path d="M13.6 3.6 13 7.6l-3.8-.9" />
    </>
  ),
  fork: (
    <>
      <path d="M4 2.5v11M4 6.5c0 3.5 7.5 1.5 7.5 5v2" />
      <path d="m9.6 11.4 1.9 2 1.9-2" />
    </>
  ),
  stop: (
    <>
      <rect x="3.5" y="3.5" width="9" height="9" rx="1.5" />
    </>
  ),
  send: (
    <>
      <path d="M2.5 8h9M8 4l4 4-4 4" />
    </>
  ),
  play: (
    <>
      <path d="M5 3.2v9.6l7.5-4.8z" />
    </>
  ),
  link: (
    <>
      <path d="M6.5 9.5 13 3M8.5 3H13v4.5M11.5 9.5v2.5a1 1 0 0 1-1 1h-6a1 1 0 0 1-1-1V6a1 1 0 0 1 1-1h2.6" />
    </>
  ),
  approval: (
    <>
      <path d="m3.2 8.4 3 3 6.4-7" />
    </>
  ),
  form: (
    <>
      <path d="M3 4h10M3 8h10M3 12h6" />
    </>
  ),
  single_choice: (
    <>
      <circle cx="8" cy="8" r="5.5" />
      <circle cx="8" cy="8" r="2" fill="currentColor" stroke="none" />
    </>
  ),
  multi_choice: (
    <>
      <rect x="2.5" y="2.5" width="11" height="11" rx="2.5" />
      <path d="m5.4 8.2 1.8 1.8 3.5-3.8" />
    </>
  ),
  free_text: (
    <>
      <path d="M3 4.5V3h10v1.5M8 3v10M6.2 13h3.6" />
    </>
  ),
  event: (
    <>
      <path d="M8.8 1.8 3.2 9h4l-.8 5.2L12.8 7h-4z" />
    </>
  ),
  child: (
    <>
      <path d="M4.5 3v6.5a2 2 0 0 0 2 2H12M9.6 9l2.4 2.5L9.6 14" />
    </>
  ),
  step: (
    <>
      <rect x="3" y="3" width="10" height="10" rx="2.5" />
    </>
  ),
  parallel: (
    <>
      <path d="M3.5 3v10M12.5 3v10M3.5 5.5h9M3.5 10.5h9" />
    </>
  ),
  forEach: (
    <>
      <path d="M12.8 6.2A5.2 5.2 0 0 0 3 6M3.2 9.8A5.2 5.2 0 0 0 13 10M3 3v3h3M13 13v-3h-3" />
    </>
  ),
  branch: (
    <>
      <path d="M3 8h3.2l4-4H13M6.2 8l4 4H13" />
    </>
  ),
  decision: (
    <>
      <path d="m8 2.2 5.8 5.8L8 13.8 2.2 8z" />
    </>
  ),
  history: (
    <>
      <path d="M2.6 8a5.4 5.4 0 1 0 1.7-3.9M2.6 2.6v2.6h2.6" />
      <path d="M8 5.2V8l1.9 1.3" />
    </>
  ),
  moon: <path d="M13.2 9.6A5.6 5.6 0 1 1 6.4 2.8a4.5 4.5 0 0 0 6.8 6.8z" />,
  screen: (
    <>
      <rect x="2" y="3" width="12" height="8" rx="1.5" />
      <path d="M6 13.5h4" />
    </>
  ),
  download: <path d="M8 2.5v7.5M4.8 7.2 8 10.4l3.2-3.2M3 13.2h10" />,
} satisfies Record<string, ReactNode>;

export type Glyph = keyof typeof glyphs;
