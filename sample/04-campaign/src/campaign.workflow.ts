import { Injectable } from '@nestjs/common';
import {
  currentAttempt,
  DurableWorkflow,
  FatalError,
  ForEach,
  Step,
  Workflow,
  type ItemContext,
  type SettledResult,
} from 'nest-durable';

export interface CampaignInput {
  subject: string;
  recipients: string[];
}

interface Sent {
  address: string;
  messageId: string;
  archived?: boolean;
}

interface Report {
  subject: string;
  sent: string[];
  failed: { address: string; why: string }[];
}

/** Stands for a mail provider: it is busy at the first attempt for every third mail. */
@Injectable()
export class MailService {
  send(address: string, subject: string, index: number): string {
    if (!address.includes('@')) throw new FatalError(`"${address}" is no address`);
    if (index % 3 === 2 && currentAttempt() === 1) throw new Error('The mail server is busy');
    return `${subject}-${index}`;
  }
}

/** Mails to a list: a few at a time, one failure does not stop the others, and a crash sends nothing again. */
@Workflow({ name: 'campaign' })
export class CampaignWorkflow extends DurableWorkflow<CampaignInput, Report> {
  constructor(private readonly mail: MailService) {
    super();
  }

  @Step()
  prepare(campaign: CampaignInput): CampaignInput {
    return { ...campaign, recipients: [...new Set(campaign.recipients)] };
  }

  @ForEach(['sendOne', 'archive'], { concurrency: 3, onError: 'completeAll' })
  recipients(campaign: CampaignInput): string[] {
    return campaign.recipients;
  }

  /** Gets the item; the campaign and the item's place stand in the second parameter. */
  @Step({ retry: { maxAttempts: 3, initialDelay: 50 } })
  sendOne(address: string, { index, data }: ItemContext<CampaignInput>): Sent {
    return { address, messageId: this.mail.send(address, data.subject, index) };
  }

  /** Gets what `sendOne` gave for the same item. */
  @Step()
  archive(sent: Sent): Sent {
    return { ...sent, archived: true };
  }

  @Step()
  report({ subject, recipients, __results__ }: CampaignInput & { __results__: SettledResult<Sent>[] }): Report {
    const report: Report = { subject, sent: [], failed: [] };
    for (const [index, result] of __results__.entries()) {
      if (result.status === 'fulfilled') report.sent.push(result.value.address);
      else report.failed.push({ address: recipients[index] ?? '', why: result.reason.message });
    }
    return report;
  }
}
