import { Injectable, Logger } from '@nestjs/common';
import {
  Branch,
  days,
  DurableWorkflow,
  once,
  Step,
  waitForApproval,
  waitForText,
  Workflow,
  workflowId,
} from 'nest-durable';

export interface Expense {
  employee: string;
  amount: number;
  purpose: string;
}

interface Decided extends Expense {
  decision: 'approved' | 'rejected' | 'expired';
  decidedBy: 'rules' | 'manager' | 'nobody';
  reason?: string;
  transfer?: string;
}

/** Stands for mail and for the bank. */
@Injectable()
export class OfficeService {
  private readonly log = new Logger('Office');

  notify(who: string, text: string): string {
    this.log.log(`to ${who}: ${text}`);
    return text;
  }

  transfer(reference: string, amount: number): string {
    return `transfer ${amount} EUR, reference ${reference}`;
  }
}

/** Small expenses are paid at once; for the others a person decides, within three days. */
@Workflow({ name: 'expense' })
export class ExpenseWorkflow extends DurableWorkflow<Expense, Decided> {
  constructor(private readonly office: OfficeService) {
    super();
  }

  @Branch({ small: 'waveThrough', default: ['askManager', 'askWhy'] })
  bySize({ amount }: Expense): string {
    return amount <= 100 ? 'small' : 'large';
  }

  @Step()
  waveThrough(expense: Expense): Decided {
    return { ...expense, decision: 'approved', decidedBy: 'rules' };
  }

  /** The run waits in the database; the step runs again from its top when there is an answer, so the mail is in `once`. */
  @Step()
  async askManager(expense: Expense): Promise<Decided> {
    const { employee, amount, purpose } = expense;
    await once('mail', () => this.office.notify('manager', `${employee} asks for ${amount} EUR: ${purpose}`));
    const decision = await waitForApproval('approve', {
      prompt: `May ${employee} have ${amount} EUR for ${purpose}?`,
      metadata: { employee, amount },
      timeout: days(3),
      timeoutValue: 'expired' as const,
    });
    return { ...expense, decision, decidedBy: decision === 'expired' ? 'nobody' : 'manager' };
  }

  @Step()
  async askWhy(expense: Decided): Promise<Decided> {
    if (expense.decision !== 'rejected') return expense;
    const reason = await waitForText('reason', {
      prompt: `Why may ${expense.employee} not?`,
      timeout: days(1),
      timeoutValue: 'No reason was given.',
    });
    return { ...expense, reason };
  }

  @Step({ retry: { maxAttempts: 5 } })
  pay(expense: Decided): Decided {
    if (expense.decision !== 'approved') return expense;
    return { ...expense, transfer: this.office.transfer(workflowId(), expense.amount) };
  }
}
