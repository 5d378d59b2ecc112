/** One frame of a stream of server-sent events. */
export interface Frame {
  readonly event: string;
  readonly id: string | null;
  readonly data: string;
}

/** Reads frames from the pieces in which a stream arrives, wherever they are torn. */
export class FrameReader {
  private rest = '';
  private event = '';
  private id: string | null = null;
  private data: string[] = [];

  read(piece: string): Frame[] {
    const frames: Frame[] = [];
    const text = this.rest + piece;
    const lines = text.split(/\r\n|\n|\r(?!$)/);
    this.rest = lines.pop() ?? '';
    for (const line of lines) {
      const frame = this.line(line);
      if (frame !== null) frames.push(frame);
    }
    return frames;
  }

  private line(line: string): Frame | null {
    if (line === '') {
      const frame =
        this.data.length === 0 ? null : { event: this.event || 'message', id: this.id, data: this.data.join('\n') };
      this.event = '';
      this.data = [];
      return frame;
    }
    const colon = line.indexOf(':');
    if (colon === 0) return null;
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'event') this.event = value;
    else if (field === 'data') this.data.push(value);
    else if (field === 'id') this.id = value;
    return null;
  }
}
