const WORDS: Record<string, string> = {
  'run.start': 'started',
  'run.cancel': 'cancelled',
  'run.pause': 'paused',
  'run.resume': 'resumed',
  'run.retry': 'retried',
  'run.restart': 'restarted',
  'run.hurry': 'tried at once',
  'run.bulk': 'acted on many runs',
  'run.cleanup': 'cleaned up',
  'event.send': 'sent an event',
  'input.answer': 'answered',
  'wait.cancel': 'cancelled a wait',
  'schedule.trigger': 'ran now',
  'schedule.switch': 'switched',
  'schedule.write': 'changed',
  'queue.pause': 'paused queue',
  'queue.resume': 'resumed queue',
  'queue.drain': 'drained queue',
  'doctor.verify': 'verified what is stored',
};

/** What somebody did, in the past. */
export function actionWords(action: string): string {
  return WORDS[action] ?? action;
}
