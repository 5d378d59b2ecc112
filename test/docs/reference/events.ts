import ts from 'typescript';
import { code, headOf, prose, type Source, table } from './source.js';

const FILE = 'lib/core/run/events.ts';

/** docs/reference/events.md: what DurableEvents tells of. */
export function eventsPage(source: Source): string {
  const about =
    'What `DurableEvents` tells of ([live events](../how-to/live-events.md)). Events of runs, inputs and schedules are told by ' +
    '`all()`, those of steps by `workflow(id)` alone.';
  const event = source.exportsOf('lib/index.ts').find(({ name }) => name === 'DurableEvent');
  if (event === undefined) throw new Error('there is no DurableEvent');
  const fields = source.membersOf(event.symbol).map((member) => {
    const time = /^Time( \| null)?$/.exec(source.typeOf(member));
    return [code(member.name), code(time === null ? source.typeOf(member) : `Date${time[1] ?? ''}`), source.said(member).text];
  });
  return [
    headOf('Events', about),
    '## Kinds\n',
    table(['kind', ''], kindsOf(source.file(FILE)).map(([kind, said]) => [code(kind), said])),
    '\n## Fields\n',
    table(['field', 'type', ''], fields),
    '',
  ].join('\n');
}

/** Each kind with the comment that stands behind it on its line. */
function kindsOf(file: ts.SourceFile): (readonly [kind: string, said: string])[] {
  const lists = new Map<string, readonly (readonly [string, string])[]>();
  for (const statement of file.statements) {
    if (!ts.isVariableStatement(statement)) continue;
    for (const { name, initializer } of statement.declarationList.declarations) {
      const list = initializer !== undefined && ts.isAsExpression(initializer) ? initializer.expression : initializer;
      if (list === undefined || !ts.isArrayLiteralExpression(list)) continue;
      const kinds = list.elements.flatMap((element): readonly (readonly [string, string])[] => {
        if (ts.isSpreadElement(element)) return lists.get(element.expression.getText()) ?? [];
        const said = /^,?[ \t]*\/\/ (.*)/.exec(file.text.slice(element.getEnd()))?.[1];
        if (said === undefined) throw new Error(`${FILE}: ${element.getText()} says nothing of itself`);
        return [[(element as ts.StringLiteral).text, prose(said)]];
      });
      lists.set(name.getText(), kinds);
    }
  }
  return [...(lists.get('DURABLE_EVENT_KINDS') ?? [])];
}
