/** The tokens are with the decorators, which may not import from here: `@InjectDurable()` needs one. */
export {
  getDurableClientToken,
  getDurableEventsToken,
  getDurableHealthIndicatorToken,
  getDurableOptionsToken,
  getDurableQueuesToken,
  getDurableRunnerToken,
} from './decorators/tokens.js';
