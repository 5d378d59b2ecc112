/** How many chunks are kept, the latest. */
const KEPT = 2_000;

/**
 * What Nest's loggers write while a spec file runs: kept, and shown only where a test has failed. Most of it is told of
 * failures that the specs cause on purpose. A spec that looks at the output replaces `write` above this, as before.
 */
export class NestOutput {
  chunks = [];
  /** What the streams have of their own: nothing, or what jest's reporter put there when it runs in this process. */
  own = new Map(
    [process.stdout, process.stderr].map((stream) => [stream, Object.getOwnPropertyDescriptor(stream, 'write')]),
  );

  constructor() {
    for (const stream of this.own.keys()) {
      const write = stream.write.bind(stream);
      stream.write = (chunk, ...rest) => {
        if (typeof chunk !== 'string' || !isOfNest(chunk)) return write(chunk, ...rest);
        this.chunks.push(chunk);
        if (this.chunks.length > KEPT) this.chunks.shift();
        rest.findLast((one) => typeof one === 'function')?.();
        return true;
      };
    }
  }

  end(isWanted) {
    for (const [stream, own] of this.own) {
      delete stream.write;
      if (own !== undefined) Object.defineProperty(stream, 'write', own);
    }
    if (isWanted) process.stderr.write(this.chunks.join(''));
  }
}

/** A line of ConsoleLogger, or the stack that it writes after one. */
function isOfNest(chunk) {
  return chunk.includes('[Nest] ') || /^\S*Error\b[^]*\n {4}at /.test(chunk);
}
