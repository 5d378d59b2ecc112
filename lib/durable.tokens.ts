/** The tokens are with the decorators, which may not import from here: `@InjectDurable()` needs one. */
export {
  getDurableClientToken,
  getDurableEngineToken,
  getDurableEventsToken,
  getDurableHealthIndicatorToken,
  getDurableOptionsToken,
  getDurableQueuesToken,
} from './decorators/tokens.js';
