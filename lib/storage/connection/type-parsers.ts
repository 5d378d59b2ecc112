import type pg from 'pg';

/**
 * Parsers of PostgreSQL's values, one for every type that a statement of the engine returns. Never those of `pg.types`,
 * which belong to the app and may give text, BigInt or anything else. A type that is not here stays text.
 */

type Parser = (text: string) => unknown;

const toBoolean: Parser = (text) => text === 't';
const toNumber: Parser = (text) => Number(text);
const toJson: Parser = (text) => JSON.parse(text);

/** A number where it is exact, else text. */
const toInt8: Parser = (text) => {
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : text;
};

/** `2026-01-31 12:00:00.123456+00`, `0044-03-15 12:00:00+00 BC`, `infinity`: DateStyle ISO, which every session has. */
const TIMESTAMP =
  /^(\d{4,6})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d(?:\.\d+)?)(?:([+-])(\d\d)(?::(\d\d))?(?::(\d\d))?)?( BC)?$/;

const toDate: Parser = (text) => {
  const match = TIMESTAMP.exec(text);
  if (match === null) return text === 'infinity' ? Infinity : text === '-infinity' ? -Infinity : new Date(NaN);
  const [, year, month, day, hours, minutes, seconds, sign, ...rest] = match;
  const date = new Date(0);
  // Not Date.UTC, which takes the year 99 for 1999.
  date.setUTCFullYear(rest[3] === undefined ? Number(year) : 1 - Number(year), Number(month) - 1, Number(day));
  date.setUTCHours(Number(hours), Number(minutes), 0, Math.floor(Number(seconds) * 1_000 + 1e-6));
  const [offsetHours = 0, offsetMinutes = 0, offsetSeconds = 0] = rest.slice(0, 3).map((part) => Number(part ?? 0));
  const offset = (offsetHours * 3_600 + offsetMinutes * 60 + offsetSeconds) * 1_000;
  return new Date(date.getTime() - (sign === '-' ? -offset : offset));
};

const PARSERS: ReadonlyMap<number, Parser> = new Map<number, Parser>([
  [16, toBoolean],
  [20, toInt8],
  [21, toNumber],
  [23, toNumber],
  [26, toNumber],
  [114, toJson],
  [700, toNumber],
  [701, toNumber],
  [3802, toJson],
  [1114, toDate],
  [1184, toDate],
  // Arrays of boolean, int2, int4, text, varchar, int8, float8, name, uuid, timestamptz, json.
  [1000, arrayOf(toBoolean)],
  [1005, arrayOf(toNumber)],
  [1007, arrayOf(toNumber)],
  [1009, arrayOf(asText)],
  [1015, arrayOf(asText)],
  [1016, arrayOf(toInt8)],
  [1022, arrayOf(toNumber)],
  [1003, arrayOf(asText)],
  [2951, arrayOf(asText)],
  [1185, arrayOf(toDate)],
  [199, arrayOf(toJson)],
]);

/** For the option `types` of a client of pg. */
export const OWN_TYPES: pg.CustomTypesConfig = {
  getTypeParser: (oid: number) => PARSERS.get(oid) ?? asText,
};

function asText(text: string): unknown {
  return text;
}

/** `{a,"b \"c\"",NULL}`; of several dimensions there are none. */
function arrayOf(element: Parser): Parser {
  return (text) => {
    const values: unknown[] = [];
    // Bounds that do not begin at 1 stand before: [0:1]={a,b}
    let at = text.indexOf('{') + 1;
    while (at < text.length && text[at] !== '}') {
      let value = '';
      const quoted = text[at] === '"';
      if (quoted) at++;
      for (; at < text.length; at++) {
        const one = text[at] ?? '';
        if (quoted ? one === '"' : one === ',' || one === '}') break;
        if (one === '\\') at++;
        value += text[at] ?? '';
      }
      if (quoted) at++;
      values.push(!quoted && value === 'NULL' ? null : element(value));
      if (text[at] === ',') at++;
    }
    return values;
  };
}
