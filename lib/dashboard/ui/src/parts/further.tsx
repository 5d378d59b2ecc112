import type { ReactNode } from 'react';
import { Button } from './button.js';
import { Trouble } from './states.js';

interface Paged {
  readonly hasNextPage: boolean;
  readonly isFetchNextPageError: boolean;
  readonly error: unknown;
  fetchNextPage(): Promise<unknown>;
}

/** At the end of a list: what asks for its next page, or why that has not come. */
export function Further({ of, testId, children }: { of: Paged; testId?: string; children: ReactNode }) {
  const next = (): void => void of.fetchNextPage();
  if (of.isFetchNextPageError) return <Trouble error={of.error} again={next} />;
  return (
    <Button look="sm" testId={testId} onClick={next}>
      {children}
    </Button>
  );
}
