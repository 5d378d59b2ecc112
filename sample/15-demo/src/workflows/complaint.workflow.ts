import { days, Decision, DurableWorkflow, finish, Step, waitForChoice, waitForChoices, Workflow } from 'nest-durable';
import { World } from '../world.js';

export interface ComplaintInput {
  orderId: string;
  customer: string;
  text: string;
}

interface Complaint extends ComplaintInput {
  outcome?: string;
  gifts?: string[];
}

/** A complaint: the clerk chooses what is done, and what goes with it. */
@Workflow({ name: 'complaint', description: 'A clerk chooses what the customer gets.' })
export class ComplaintWorkflow extends DurableWorkflow<ComplaintInput, Complaint> {
  constructor(private readonly world: World) {
    super();
  }

  @Decision()
  async decide(complaint: Complaint) {
    const { orderId, customer, text } = complaint;
    const outcome = await waitForChoice('outcome', {
      prompt: `${customer} complains about ${orderId}\n${text}`,
      metadata: { orderId, customer },
      choices: [
        { value: 'replace', label: 'Send it again' },
        { value: 'refund', label: 'Give the money back' },
        { value: 'nothing', label: 'Do nothing' },
      ],
      timeout: days(1),
    });
    return outcome === 'nothing' ? finish({ ...complaint, outcome }) : { ...complaint, outcome };
  }

  @Step()
  async chooseGifts(complaint: Complaint): Promise<Complaint> {
    const gifts = await waitForChoices('gifts', {
      prompt: `What goes with it, as an excuse to ${complaint.customer}?`,
      choices: [
        { value: 'voucher', label: 'A voucher of 10 EUR' },
        { value: 'chocolate', label: 'Chocolate' },
        { value: 'card', label: 'A card, written by hand' },
      ],
      timeout: days(2),
      timeoutValue: [],
    });
    return { ...complaint, gifts };
  }

  @Step()
  async settle(): Promise<void> {
    await this.world.takes(5);
  }
}
