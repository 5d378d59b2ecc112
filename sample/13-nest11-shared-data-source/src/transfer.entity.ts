import { Check, Column, Entity, PrimaryColumn, PrimaryGeneratedColumn } from 'typeorm';

/** An account, in whole cents. */
@Entity()
@Check('"balance" >= 0')
export class Account {
  @PrimaryColumn()
  id!: string;

  @Column()
  balance!: number;
}

@Entity()
export class Transfer {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  source!: string;

  @Column()
  target!: string;

  @Column()
  amount!: number;

  /** `asked`, `moved`, `refused` or `given back` */
  @Column()
  state!: string;
}
