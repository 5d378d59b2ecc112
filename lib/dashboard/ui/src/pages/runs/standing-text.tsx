import type { RunRow } from '../../lib/types.js';
import { saidOnce, shortId } from '../../lib/words.js';
import { Words } from '../../parts/text.js';

/** What a run does, or why it stands still, in a line. */
export function StandingText({ run }: { run: RunRow }) {
  const { status, error, failedStep, standing, parentId, tags } = run;
  if ((status === 'failed' || status === 'compensated') && error !== null) {
    return (
      <>
        {failedStep !== null && (
          <>
            <code>{failedStep}</code> <span className="i3">·</span>{' '}
          </>
        )}
        {error.name}: {error.message}
      </>
    );
  }
  if (status === 'completed') {
    const [tag] = Object.entries(tags);
    if (parentId !== null) {
      return (
        <>
          <span className="i3">of</span> <code>{shortId(parentId)}</code>
        </>
      );
    }
    if (tag !== undefined) {
      return (
        <>
          <span className="i3">{tag[0]}</span> {tag[1]}
        </>
      );
    }
  }
  return <Words text={saidOnce(standing.text)} />;
}
