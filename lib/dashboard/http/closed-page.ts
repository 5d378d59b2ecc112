import { html, type Answer } from './answer.js';

/** What is said to a browser that may not come in. It comes from this file alone: nothing is read for it. */
const MARK =
  '<svg viewBox="0 0 22 16" width="66" height="48" fill="none" stroke="currentColor" stroke-width="2" ' +
  'stroke-linecap="round" aria-hidden="true"><path d="M1.5 8h5"/>' +
  '<path d="M8 12l2.4-8M11.4 12l2.4-8" stroke-width="1.6"/></svg>';

interface Page {
  readonly title: string;
  readonly text: string;
  readonly help: string;
}

const CLOSED: Page = {
  title: 'The dashboard is closed here',
  text:
    'It is served to the machine itself outside production, and to nobody else, until the app says who may see it. ' +
    'Nothing was read.',
  help: `<pre class="code">DurableDashboardModule.<b>forRoot</b>({
  <b>authorize</b>: roles((request) =&gt; request.user?.isStaff ? 'operator' : null),
  <b>actor</b>: (request) =&gt; request.user?.email,
})</pre><p class="note">Or <code>guards: [AdminGuard]</code>, or without the app: <code>npx nest-durable dashboard --url postgres://…</code></p>`,
};

const FORBIDDEN: Page = {
  title: 'You may not see the dashboard',
  text: 'The app knows you, or does not, and has not said that you may see anything here. Nothing was read.',
  help: '<p class="note">Ask whoever runs it for a role.</p>',
};

/** @param style address of its style sheet, as seen from the page */
export function closedPage(kind: 'CLOSED' | 'FORBIDDEN', status: number, style: string): Answer {
  const { title, text, help } = kind === 'CLOSED' ? CLOSED : FORBIDDEN;
  const testId = kind === 'CLOSED' ? 'closed' : 'forbidden';
  return html(
    status,
    `<!doctype html><html lang="en"><head><meta charset="utf-8">` +
      `<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">` +
      `<link rel="icon" href="data:,"><title>${title}</title><link rel="stylesheet" href="${style}"></head>` +
      `<body><main data-testid="${testId}">${MARK}<h1>${title}</h1><p>${text} <span>${status}</span></p>${help}</main></body></html>`,
  );
}

/** The one thing that is served to whoever may not come in: it says nothing of the app. */
export const CLOSED_STYLE = `:root { color-scheme: light dark }
body {
  margin: 0; min-height: 100vh; display: grid; place-items: center;
  background: light-dark(oklch(0.962 0.004 92), oklch(0.158 0.004 265));
  color: light-dark(oklch(0.215 0.008 92), oklch(0.945 0.004 265));
  font: 400 13px/20px Geist, system-ui, sans-serif;
}
main { max-width: 64ch; padding: 48px 20px }
h1 { margin: 24px 0 8px; font-size: 20px; line-height: 28px; font-weight: 600 }
p { margin: 0 0 12px; color: light-dark(oklch(0.415 0.010 92), oklch(0.765 0.008 265)) }
p span, .note { color: light-dark(oklch(0.525 0.010 92), oklch(0.655 0.010 265)) }
.note { font-size: 12px }
code, .code { font: 400 12px/19px 'Geist Mono', ui-monospace, monospace }
.code {
  margin: 20px 0 12px; padding: 12px 16px; overflow: auto; border-radius: 6px;
  box-shadow: inset 0 0 0 1px light-dark(oklch(0.90 0.005 92), oklch(0.28 0.006 265));
}
.code b { font-weight: 550 }
`;
