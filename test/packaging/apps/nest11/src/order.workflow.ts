import { IsInt, Min } from 'class-validator';
import { Compensate, FatalError, Step, stepManager, Workflow } from 'nest-durable';
import { assign } from 'nest-durable/helpers';
import { Column, Entity, EntityManager, PrimaryGeneratedColumn } from 'typeorm';

@Entity()
export class Order {
  @PrimaryGeneratedColumn()
  id: number;

  @Column()
  amount: number;
}

export class OrderInput {
  @IsInt()
  @Min(1)
  amount: number;
}

@Workflow({ name: 'process_order', input: OrderInput })
export class OrderWorkflow {
  @Step({ transactional: true, compensate: 'forget' })
  async save(input: OrderInput) {
    const manager: EntityManager = stepManager();
    const order = await manager.getRepository(Order).save({ amount: input.amount });
    return assign({ ...input }, 'orderId', order.id);
  }

  @Step()
  check(order: OrderInput) {
    if (order.amount > 100) throw new FatalError('too much');
  }

  @Compensate({ transactional: true })
  async forget(order: OrderInput & { orderId: number }) {
    const manager: EntityManager = stepManager();
    await manager.getRepository(Order).delete(order.orderId);
  }
}
