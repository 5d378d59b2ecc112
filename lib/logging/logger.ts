import { Logger } from '@nestjs/common';
import { outsideSteps } from '../engine/step/scope.js';

/** Logger of the module itself. Its lines are never kept as a step's, also where a step's code caused them. */
export class ModuleLogger extends Logger {
  constructor(instance: string) {
    super(instance === 'default' ? 'DurableModule' : `DurableModule:${instance}`);
  }

  override log(message: string): void {
    outsideSteps(() => super.log(message));
  }

  override warn(message: string): void {
    outsideSteps(() => super.warn(message));
  }

  override error(message: string): void {
    outsideSteps(() => super.error(message));
  }

  override debug(message: string): void {
    outsideSteps(() => super.debug(message));
  }
}
