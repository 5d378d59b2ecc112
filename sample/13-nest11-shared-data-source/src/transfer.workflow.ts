import { Logger } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Compensate, DurableWorkflow, FatalError, Step, stepManager, Workflow } from 'nest-durable';
import { Repository } from 'typeorm';
import { Account, Transfer } from './transfer.entity';

export interface TransferData {
  transferId: number;
}

/** Moves money from one account to another: exactly once, whenever the process dies. */
@Workflow({ name: 'transfer' })
export class TransferWorkflow extends DurableWorkflow<TransferData> {
  private readonly log = new Logger(TransferWorkflow.name);

  constructor(@InjectRepository(Transfer) private readonly transfers: Repository<Transfer>) {
    super();
  }

  /** What it writes and the record that it has run are one transaction. */
  @Step({ transactional: true, compensate: 'giveBack' })
  async move({ transferId }: TransferData) {
    const { source, target, amount } = await this.transfer(transferId, 'moved');
    const accounts = stepManager().getRepository(Account);
    const taken = await accounts
      .createQueryBuilder()
      .update()
      .set({ balance: () => 'balance - :amount' })
      .where('id = :source AND balance >= :amount', { source, amount })
      .execute();
    if (taken.affected === 0) throw new FatalError(`account ${source} does not have ${amount}`);
    await accounts.increment({ id: target }, 'balance', amount);
    this.log.log(`transfer ${transferId}: moved ${amount} from ${source} to ${target}`);
  }

  /** Stands for a call of somebody else's, who does not want transfers of 666. */
  @Step({ retry: { maxAttempts: 3, initialDelay: 200 } })
  async report({ transferId }: TransferData) {
    const { amount } = await this.transfers.findOneByOrFail({ id: transferId });
    if (amount === 666) throw new FatalError(`transfer ${transferId} was refused`);
  }

  /** Undone exactly once. */
  @Compensate({ transactional: true })
  async giveBack({ transferId }: TransferData) {
    const { source, target, amount } = await this.transfer(transferId, 'given back');
    const accounts = stepManager().getRepository(Account);
    await accounts.decrement({ id: target }, 'balance', amount);
    await accounts.increment({ id: source }, 'balance', amount);
    this.log.log(`transfer ${transferId}: gave ${amount} back to ${source}`);
  }

  private async transfer(id: number, state: string): Promise<Transfer> {
    const transfers = stepManager().getRepository(Transfer);
    await transfers.update(id, { state });
    return transfers.findOneByOrFail({ id });
  }
}
