import { Logger } from '@nestjs/common';
import { outsideSteps } from '../engine/step/scope.js';

/** What the module itself has to say. A step's code may have set going what says it, and has no part in it. */
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
