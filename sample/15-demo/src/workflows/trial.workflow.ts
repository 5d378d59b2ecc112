import { Logger } from '@nestjs/common';
import { days, Decision, DurableWorkflow, finish, once, sleep, Step, waitForAny, Workflow } from 'nest-durable';

export interface TrialInput {
  user: string;
}

interface Trial extends TrialInput {
  outcome?: 'subscribed' | 'left' | 'expired';
}

/** Waiting costs a row in the database, for two weeks or for two years. */
@Workflow({ name: 'trial_reminder', description: 'Reminds after 12 days, ends the trial after 14.' })
export class TrialWorkflow extends DurableWorkflow<TrialInput, Trial> {
  private readonly log = new Logger('Mail');

  @Step()
  welcome({ user }: Trial): void {
    this.log.log(`to ${user}: welcome`);
  }

  @Decision()
  async firstDays(trial: Trial) {
    const came = await waitForAny(['subscribed', 'left'], { timeout: days(12), timeoutValue: null });
    return came === null ? trial : finish({ ...trial, outcome: came[0] as 'subscribed' | 'left' });
  }

  @Step()
  async remind(trial: Trial): Promise<Trial> {
    await once('reminder', () => this.log.log(`to ${trial.user}: two days are left`));
    await sleep(days(2));
    return { ...trial, outcome: 'expired' };
  }
}
