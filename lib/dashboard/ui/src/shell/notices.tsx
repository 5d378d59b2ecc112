import type { ReactNode } from 'react';
import { ApiError, isSignedOut } from '../lib/api.js';
import { useNow } from '../lib/clock.js';
import { isOld, useMe, useMeQuery } from '../lib/me.js';
import { live } from '../lib/stream.js';
import { countdown } from '../lib/time.js';
import { Button } from '../parts/button.js';
import { Icon } from '../parts/icon.js';
import { retryStream } from './live.js';

/** The line under the bar: why the page shows less than it could, and what helps. */
export function Notices() {
  const { error } = useMeQuery();
  const me = useMe();
  if (isSignedOut(error) || (error instanceof ApiError && error.status === 403)) {
    return (
      <Notice testId="signed-out" act="Reload" onAct={reload}>
        You are not let in any more: what stands here is of before.
      </Notice>
    );
  }
  if (isOld(me)) {
    return (
      <Notice testId="new-version" act="Reload" onAct={reload}>
        A new version is here.
      </Notice>
    );
  }
  return <Disconnected />;
}

function reload(): void {
  location.reload();
}

function Disconnected() {
  const { state, retryAt } = live.use();
  const { pollInterval } = useMe();
  const off = state === 'polling';
  useNow(off ? 1000 : null);
  if (!off) return null;
  const left = retryAt === null ? 0 : Math.max(0, retryAt - Date.now());
  return (
    <Notice testId="disconnected" act="Try now" onAct={retryStream}>
      The live stream is gone. Asks every {countdown(pollInterval)}
      <span aria-hidden="true">
        {retryAt === null ? '' : `, tries the stream again in ${countdown(left + 999, 1)}`}
      </span>
      .
    </Notice>
  );
}

function Notice({
  testId,
  act,
  onAct,
  children,
}: {
  testId: string;
  act: string;
  onAct: () => void;
  children: ReactNode;
}) {
  return (
    <div className="strip-warn" role="status" data-testid={testId}>
      <Icon name="warn" className="s-wait" />
      <span className="grow">{children}</span>
      <Button look="sm" onClick={onAct}>
        {act}
      </Button>
    </div>
  );
}
