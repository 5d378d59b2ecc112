import { DurableWorkflow, ForEach, type SettledResult, Step, Workflow } from 'nest-durable';
import { World } from '../world.js';

export interface CampaignInput {
  subject: string;
  recipients: number;
}

interface Campaign extends CampaignInput {
  sent?: number;
  bounced?: number;
}

/** Mails thousands, ten at a time; one that bounces does not stop the others. */
@Workflow({ name: 'campaign', queue: 'mail', description: 'Mails everybody, 10 at a time, and counts.' })
export class CampaignWorkflow extends DurableWorkflow<CampaignInput, Campaign> {
  constructor(private readonly world: World) {
    super();
  }

  @Step()
  async prepare(): Promise<void> {
    await this.world.takes(5);
  }

  @ForEach('sendOne', { concurrency: 10, onError: 'completeAll' })
  recipients({ recipients }: Campaign): string[] {
    return Array.from({ length: recipients }, (_, index) => `customer-${index}@shop.example`);
  }

  @Step()
  async sendOne(address: string): Promise<string> {
    await this.world.takes(6);
    return this.world.mail(address);
  }

  @Step()
  count({ __results__, ...campaign }: Campaign & { __results__: SettledResult<string>[] }): Campaign {
    const sent = __results__.filter(({ status }) => status === 'fulfilled').length;
    return { ...campaign, sent, bounced: __results__.length - sent };
  }
}
