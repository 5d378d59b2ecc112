/**
 * Names that the path of a URL has another use for: `.` and `..` are taken out of it, however they are encoded, and the dashboard's
 * API has `schedules/preview`. They stand in it behind a `~`, and so does what would be taken for one of these.
 */
const SPOKEN_FOR = /^~*(\.\.?|preview)$/;

/** A part of a path. Names hold anything. */
export function pathPart(name: string): string {
  return encodeURIComponent(SPOKEN_FOR.test(name) ? `~${name}` : name);
}

/** The name that a part of a path stands for; null: it is not encoded as a URL is. */
export function nameOfPart(part: string): string | null {
  try {
    const name = decodeURIComponent(part);
    return name.startsWith('~') && SPOKEN_FOR.test(name) ? name.slice(1) : name;
  } catch {
    return null;
  }
}
