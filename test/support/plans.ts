import type pg from 'pg';

/** Runs a statement and gives the plans of all that it ran, those of statements in functions too, with what each did. */
export async function plansOf(client: pg.PoolClient, text: string, values: unknown[] = []): Promise<string[]> {
  const plans: string[] = [];
  const note = (notice: { message?: string | undefined }): void => {
    if (notice.message?.includes('plan:\n') === true)
      plans.push(notice.message.slice(notice.message.indexOf('plan:\n') + 6));
  };
  client.on('notice', note);
  try {
    await client.query(`LOAD 'auto_explain';
      SET auto_explain.log_min_duration = 0; SET auto_explain.log_nested_statements = on; SET auto_explain.log_analyze = on;
      SET auto_explain.log_timing = off; SET auto_explain.log_level = notice; SET client_min_messages = notice`);
    plans.length = 0;
    await client.query(text, values);
    return plans;
  } finally {
    client.off('notice', note);
    await client.query('RESET ALL');
  }
}
