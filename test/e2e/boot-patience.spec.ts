import { DurableQueues, Step, Workflow } from 'nest-durable';
import { PgQueueStore } from '../../lib/storage/engine/queue-store.js';
import { openApp } from '../support/faults/app.js';
import { openGround } from '../support/faults/ground.js';

@Workflow({ name: 'quick' })
class QuickWorkflow {
  @Step()
  step() {}
}

it('a lock that is not to be had while it enters the workers does not fail a boot', async () => {
  const ground = await openGround();
  await ground.pool.query(`
    CREATE SEQUENCE tries;
    CREATE FUNCTION locked() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF nextval('public.tries') <= 3 THEN
        RAISE EXCEPTION 'canceling statement due to lock timeout' USING ERRCODE = '55P03';
      END IF;
      RETURN NEW;
    END $$;
    CREATE TRIGGER locked BEFORE INSERT ON durable.workers FOR EACH ROW EXECUTE FUNCTION public.locked()`);
  const app = await openApp({ database: { url: ground.url } }, [QuickWorkflow]);
  try {
    await (await app.client.start('quick', {})).result();
    expect(await app.app.get(DurableQueues).workers()).toHaveLength(1);
  } finally {
    await app.close();
    await ground.close();
  }
});

it('a lock that is not to be had while it reads the queues does not fail a boot', async () => {
  const ground = await openGround();
  const locker = await ground.pool.connect();
  const { queueStates } = PgQueueStore.prototype;
  const failures: unknown[] = [];
  PgQueueStore.prototype.queueStates = async function () {
    if (failures.length === 2) return queueStates.call(this);
    await locker.query('BEGIN; LOCK TABLE durable.queue_settings');
    try {
      return await queueStates.call(this);
    } catch (error) {
      failures.push(error);
      throw error;
    } finally {
      await locker.query('ROLLBACK');
    }
  };
  try {
    const app = await openApp({ database: { url: ground.url } }, [QuickWorkflow]);
    await (await app.client.start('quick', {})).result();
    await app.close();
    const refusal = { kind: 'retry', message: 'canceling statement due to lock timeout' };
    expect(failures).toMatchObject([refusal, refusal]);
  } finally {
    PgQueueStore.prototype.queueStates = queueStates;
    locker.release();
    await ground.close();
  }
});
