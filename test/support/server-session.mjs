import pg from 'pg';

/**
 * The session in which a jest worker makes the databases of its spec files, and looks at them afterwards. One for all of
 * them: to open one and to send its first statements costs 10 ms of CPU, several times for each database.
 */
export class ServerSession {
  client = null;
  last = Promise.resolve();

  /** Runs a statement after those before it; gives its rows. */
  ask = (sql, values = []) => {
    const answer = this.last.then(() => this.send(sql, values));
    this.last = answer.catch(() => {});
    return answer;
  };

  async send(sql, values) {
    this.client ??= await this.open();
    const { client } = this;
    // While nothing is asked it must not keep a worker that has come to its end.
    client.ref();
    try {
      return (await client.query(sql, values)).rows;
    } finally {
      client.unref();
    }
  }

  async open() {
    const client = new pg.Client({ connectionString: process.env.TEST_SERVER_URL });
    client.on('error', () => {});
    client.once('end', () => (this.client = null));
    await client.connect();
    return client;
  }
}
