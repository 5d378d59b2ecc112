import { Test } from '@nestjs/testing';
import { DurableModule, Step, Workflow } from 'nest-durable';
import { DurableLauncher } from '../../lib/lifecycle/durable.launcher.js';
import { PgStore } from '../../lib/storage/engine/pg-store.js';
import { createTestDatabase } from '../support/database.js';
import { Gate } from '../support/kit-app.js';

/** An app is closed while its engine begins to work: SIGTERM in the first moments of a rollout. */

@Workflow({ name: 'late' })
class LateWorkflow {
  @Step()
  work() {}
}

const { registerWorker, claim, pulse } = PgStore.prototype;

afterEach(() => {
  Object.assign(PgStore.prototype, { registerWorker, claim, pulse });
});

it('claims nothing, and nothing of it goes on after the close', async () => {
  const { url } = await createTestDatabase();
  const registering = new Gate();
  const go = new Gate();
  const begun: string[] = [];
  PgStore.prototype.registerWorker = async function (registration) {
    registering.open();
    await go.promise;
    return registerWorker.call(this, registration);
  };
  PgStore.prototype.claim = function (...args) {
    begun.push('claim');
    return claim.apply(this, args);
  };
  PgStore.prototype.pulse = function (...args) {
    begun.push('pulse');
    return pulse.apply(this, args);
  };
  const module = await Test.createTestingModule({
    imports: [DurableModule.forRoot({ database: { url } })],
    providers: [LateWorkflow],
  }).compile();
  const init = module.init();
  await registering.promise;
  // As Nest has it where it does not wait for the app to be initialised first.
  const launcher = module.get(DurableLauncher, { strict: false });
  await launcher.onModuleDestroy();
  go.open();
  await init;
  await module.close();
  expect(begun).toEqual([]);
});
