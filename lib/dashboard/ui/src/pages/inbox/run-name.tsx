import { Link } from 'wouter';
import { useMay } from '../../lib/me.js';
import { runHref } from '../../lib/url.js';
import { shortId } from '../../lib/words.js';

/** Which run asks: a link for whoever may see it, a name for others. */
export function RunName({ run }: { run: { readonly workflow: string; readonly executionId: string } }) {
  const may = useMay();
  const name = (
    <>
      <code>{run.workflow}</code> <code className="i3">{shortId(run.executionId)}</code>
    </>
  );
  if (!may('run.read')) return <span>{name}</span>;
  return (
    <Link className="u" href={runHref(run.executionId)}>
      {name}
    </Link>
  );
}
