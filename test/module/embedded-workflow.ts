import { Step, Workflow } from 'nest-durable';

/** Says which process has run it. */
@Workflow({ name: 'plain' })
export class PlainWorkflow {
  @Step()
  work() {
    return { pid: process.pid };
  }
}
