import { Injectable, Logger } from '@nestjs/common';
import {
  Decision,
  DurableWorkflow,
  FatalError,
  ForEach,
  goto,
  hours,
  Step,
  stepSignal,
  waitForApproval,
  waitForInput,
  waitForText,
  Workflow,
} from 'nest-durable';

/** What the test holds in its hands. */
@Injectable()
export class Hand {
  /** `flaky` fails as long as this stands. */
  broken = true;
}

@Workflow({ name: 'flaky', description: 'Fails, and is tried again in an hour.' })
export class FlakyWorkflow extends DurableWorkflow<object, { called?: boolean }> {
  constructor(private readonly hand: Hand) {
    super();
  }

  @Step()
  prepare(): void {}

  @Step({ retry: { maxAttempts: 3, initialDelay: hours(1), jitter: false } })
  call(): { called: boolean } {
    if (this.hand.broken) throw new Error('The other side does not answer');
    return { called: true };
  }
}

/** Works until it is cancelled. */
@Workflow({ name: 'endless' })
export class EndlessWorkflow extends DurableWorkflow<object, object> {
  @Step()
  work(): Promise<void> {
    const signal = stepSignal();
    return new Promise((_, reject) => {
      signal.addEventListener('abort', () => reject(new Error('aborted')), { once: true });
    });
  }
}

@Workflow({ name: 'note' })
export class NoteWorkflow extends DurableWorkflow<object, { text?: string }> {
  @Step()
  async ask(): Promise<{ text: string }> {
    return { text: await waitForText('note', { prompt: 'What is to be noted?' }) };
  }
}

/** Asks for anything: what it gets is listed as a text. */
@Workflow({ name: 'anything' })
export class AnythingWorkflow extends DurableWorkflow<object, object> {
  @Step()
  async ask(): Promise<object> {
    return { got: await waitForInput('thing', { prompt: 'Give me anything' }) };
  }
}

/** 100 items of so many visits each: a long journal without a loop that is told in sums. */
@Workflow({ name: 'ticks' })
export class TicksWorkflow extends DurableWorkflow<{ visits: number }, object> {
  @ForEach('tick', { concurrency: 100, results: 'none' })
  items({ visits }: { visits: number }): { left: number }[] {
    return Array.from({ length: 100 }, () => ({ left: visits }));
  }

  @Decision({ goto: ['tick'] })
  tick({ left }: { left: number }) {
    return left > 1 ? goto('tick', { left: left - 1 }) : { left };
  }
}

export const HOSTILE = '"><img src=x onerror="window.hacked=1"><script>window.hacked=1</script>';
export const LINK = 'javascript:window.hacked=1';

/** Every text that a user can give is markup. */
@Workflow({ name: 'hostile', description: HOSTILE })
export class HostileWorkflow extends DurableWorkflow<{ ask: boolean }, object> {
  private readonly log = new Logger('Hostile');

  @Step()
  speak(input: { ask: boolean }): object {
    this.log.log(`${HOSTILE} \u001b[31mred\u001b[0m \u202egnp.exe`);
    return { ...input, text: HOSTILE, link: LINK, [HOSTILE]: HOSTILE };
  }

  @Step()
  async ask({ ask }: { ask: boolean }): Promise<void> {
    if (!ask) throw Object.assign(new FatalError(HOSTILE), { name: HOSTILE, detail: HOSTILE });
    await waitForApproval(HOSTILE, {
      prompt: HOSTILE,
      metadata: { [HOSTILE]: HOSTILE, link: LINK, page: 'https://a.example/?q="><b>' },
    });
  }
}
