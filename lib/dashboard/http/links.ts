import { listOf, read } from '../durable.js';
import { urlOf } from './addresses.js';

/** A run, as the option `links` gets it. */
export interface LinkedRun {
  readonly id: string;
  readonly workflow: string;
  readonly status: string;
  readonly tags: Readonly<Record<string, string>>;
}

/** A link beside a run. */
export interface RunLink {
  readonly label: string;
  readonly href: string;
}

const MOST_LINKS = 20;
const LONGEST = 2_000;

/** The valid links of the app's function: a fault in it harms no page. */
export function linksOf(links: ((run: LinkedRun) => unknown) | null, run: LinkedRun): RunLink[] {
  if (links === null) return [];
  let given: unknown[] | null;
  try {
    given = listOf(links(run));
  } catch {
    return [];
  }
  return (given ?? []).slice(0, MOST_LINKS).flatMap((one) => {
    const [label, href] = [read(one, 'label'), read(one, 'href')];
    if (typeof label !== 'string' || typeof href !== 'string' || href.length > LONGEST) return [];
    const url = urlOf(href);
    return url !== null && /^https?:$/.test(url.protocol) ? [{ label: label.slice(0, 200), href: url.href }] : [];
  });
}
