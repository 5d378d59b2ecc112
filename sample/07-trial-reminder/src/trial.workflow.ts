import { Injectable, Logger } from '@nestjs/common';
import { days, Decision, DurableWorkflow, finish, once, scheduleAt, Step, waitForAny, Workflow } from 'nest-durable';

export interface TrialInput {
  user: string;
  /** How long the trial lasts, in ms. */
  length: number;
}

interface Trial extends TrialInput {
  endsAt: Date;
  outcome?: 'subscribed' | 'left' | 'expired';
  plan?: string;
}

/** Stands for a mail server. */
@Injectable()
export class MailService {
  private readonly log = new Logger('Mail');

  send(user: string, text: string): string {
    this.log.log(`to ${user}: ${text}`);
    return text;
  }
}

/**
 * A trial with a reminder shortly before its end. Waiting costs a row in the database, for two weeks or for two years:
 * no timer, no process that has to stay up.
 */
@Workflow({ name: 'trial' })
export class TrialWorkflow extends DurableWorkflow<TrialInput, Trial> {
  constructor(private readonly mail: MailService) {
    super();
  }

  @Step()
  welcome(input: TrialInput): Trial {
    this.mail.send(input.user, 'Welcome!');
    // Kept in the data: each later pass of a step sees the same end.
    return { ...input, endsAt: new Date(Date.now() + input.length) };
  }

  /** Ends early when the user subscribes or leaves; otherwise the reminder is due. */
  @Decision()
  async firstPart(trial: Trial) {
    const untilReminder = Math.max(0, trial.length - days(2));
    const came = await waitForAny<string, null>(['subscribed', 'left'], { timeout: untilReminder, timeoutValue: null });
    return came === null ? trial : finish(this.ended(trial, came));
  }

  @Decision()
  async lastPart(trial: Trial) {
    await once('reminder', () => this.mail.send(trial.user, 'Your trial ends soon.'));
    const timeout = Math.min(trial.length, days(2));
    const came = await waitForAny<string, null>(['subscribed', 'left'], { timeout, timeoutValue: null });
    return came === null ? trial : finish(this.ended(trial, came));
  }

  @Step()
  async expire(trial: Trial): Promise<Trial> {
    await scheduleAt(trial.endsAt);
    this.mail.send(trial.user, 'Your trial has ended.');
    return { ...trial, outcome: 'expired' };
  }

  private ended(trial: Trial, [name, plan]: [name: string, payload: string]): Trial {
    return name === 'left' ? { ...trial, outcome: 'left' } : { ...trial, outcome: 'subscribed', plan };
  }
}
