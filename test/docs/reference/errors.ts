import ts from 'typescript';
import { httpStatusOf } from '../../../lib/core/errors/http-status.js';
import { code, DOORS, type Export, headOf, type Source, table } from './source.js';

const BASE = 'DurableError';

/** Whether it is the class of an error of this package. */
export function isError(source: Source, { symbol, declaration }: Export): boolean {
  if (!ts.isClassDeclaration(declaration)) return false;
  const type = source.checker.getDeclaredTypeOfSymbol(symbol) as ts.InterfaceType;
  // A class made by a function (Nest's ConfigurableModuleClass) has no name.
  const above = source.checker.getBaseTypes(type).map((one) => (one.symbol as ts.Symbol | undefined)?.name);
  return symbol.name === BASE || above.includes(BASE);
}

/** docs/reference/errors.md: every error that users may meet, by its code. */
export function errorsPage(source: Source): string {
  const about = [
    'All errors extend `DurableError` and carry a `code`, which is stable across releases. Compare that or the `name`, not',
    '`instanceof`, where an error has been stored: the `error` of a run, the `reason` of an arm, the `cause` of',
    '`WorkflowFailedError`. `message` says what is wrong, where, and what to do.',
    '',
    '`HTTP` is the status that `DurableExceptionFilter` (in `useGlobalFilters()`, or as `APP_FILTER`) answers, with',
    '`{ statusCode, code, message, violations? }`; the dashboard answers with the same.',
  ].join('\n');
  const errors = source.exportsOf(DOORS[0]?.[1] ?? '').filter((one) => isError(source, one) && one.name !== BASE);
  const rows = errors
    .map(({ name, symbol, declaration }) => {
      const fields = source.membersOf(symbol).filter((member) => isField(member));
      const said = fields.map((member) => code(`${member.name}: ${source.typeOf(member)}`)).join(', ');
      const codes = codesOf(declaration as ts.ClassDeclaration);
      const statuses = [...new Set(codes.map((one) => String(httpStatusOf(one) ?? 500)))].join(', ');
      return [code(name), codes.map(code).join(', '), statuses, source.said(symbol).text, said];
    })
    .sort(([one = ''], [two = '']) => (one < two ? -1 : 1));
  return [headOf('Errors', about), table(['error', 'code', 'HTTP', 'meaning', 'fields'], rows), ''].join('\n');
}

/** Those that say more than every error does. */
function isField({ name, declarations }: ts.Symbol): boolean {
  return name !== 'code' && name !== 'cause' && (declarations ?? []).every(({ parent }) => !isErrorItself(parent));
}

const isErrorItself = (node: ts.Node): boolean => ts.isInterfaceDeclaration(node) && node.name.text === 'Error';

/** The codes that a class gives its errors: what it hands to the base, or says of the field. */
export function codesOf(declaration: ts.ClassDeclaration): string[] {
  const codes: string[] = [];
  const words = (node: ts.Node): void => {
    if (ts.isStringLiteral(node)) codes.push(node.text);
    else ts.forEachChild(node, words);
  };
  const look = (node: ts.Node): void => {
    const isSuper = ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.SuperKeyword;
    const [first] = isSuper ? node.arguments : [];
    if (first !== undefined) words(first);
    if (ts.isPropertyDeclaration(node) && node.name.getText() === 'code' && node.type !== undefined) words(node.type);
    ts.forEachChild(node, look);
  };
  look(declaration);
  if (codes.length === 0) throw new Error(`${declaration.name?.text}: which code has it?`);
  return [...new Set(codes)];
}
