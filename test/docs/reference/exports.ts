import ts from 'typescript';
import { isError } from './errors.js';
import { isOptions } from './options.js';
import { code, DOORS, type Export, headOf, line, type Said, signatureOf, type Source, table } from './source.js';

/** docs/reference/exports.md: every name that can be imported. */
export function exportsPage(source: Source): string {
  const about =
    'Every name that can be imported. Errors have a page of their own ([errors](errors.md)), and so have the objects of ' +
    'options ([options](options.md)).';
  const parts = [headOf('Exports', about)];
  for (const [module, door] of DOORS) {
    const all = source.exportsOf(door).filter((one) => !isError(source, one) && !isOptions(one));
    const of = (isKind: (one: Export) => boolean): Export[] => all.filter(isKind);
    parts.push(`## ${code(module)}\n`);
    parts.push(...functions('Decorators', source, of(isDecorator)));
    parts.push(...of(isClass).map((one) => classSection(source, one)));
    parts.push(...functions('Functions', source, of((one) => isFunction(one) && !isDecorator(one))));
    parts.push(...constants(source, of(({ declaration }) => ts.isVariableDeclaration(declaration))));
    parts.push(...of(isType).map((one) => typeSection(source, one)));
  }
  return parts.join('\n');
}

const isFunction = ({ declaration }: Export): boolean => ts.isFunctionDeclaration(declaration);
const isDecorator = (one: Export): boolean =>
  isFunction(one) && one.declaration.getSourceFile().fileName.endsWith('.decorator.ts');
const isClass = ({ declaration }: Export): boolean => ts.isClassDeclaration(declaration);
const isType = ({ declaration }: Export): boolean =>
  ts.isInterfaceDeclaration(declaration) || ts.isTypeAliasDeclaration(declaration);

function functions(title: string, source: Source, all: readonly Export[]): string[] {
  if (all.length === 0) return [];
  const rows = all.map(({ name, symbol, declaration }) => {
    const signature = signatureOf(declaration);
    return [code(name), `${code(signature)}${spaced(source.said(symbol))}`];
  });
  return [`### ${title}\n\n${table(['', ''], rows)}\n`];
}

function constants(source: Source, all: readonly Export[]): string[] {
  if (all.length === 0) return [];
  const rows = all.map(({ name, symbol }) => [code(name), source.said(symbol).text]);
  return [`### Constants\n\n${table(['', ''], rows)}\n`];
}

function classSection(source: Source, { name, symbol, declaration }: Export): string {
  const rows = (declaration as ts.ClassDeclaration).members.flatMap((member): string[][] => {
    const own = member.name === undefined ? undefined : source.checker.getSymbolAtLocation(member.name);
    if (own === undefined || !isPublic(member) || member.name === undefined || ts.isPrivateIdentifier(member.name)) return [];
    const isMethod = ts.isMethodDeclaration(member);
    const text = isMethod ? signatureOf(member) : `${member.name.getText()}: ${source.typeOf(own)}`;
    return [[code(member.name.getText()), `${code(text)}${spaced(source.said(own))}`]];
  });
  const list = rows.length === 0 ? '' : `\n\n${table(['', ''], rows)}`;
  return `### ${code(name)}\n\n${source.said(symbol).text}${list}\n`;
}

function isPublic(member: ts.ClassElement): boolean {
  const hidden = ts.ModifierFlags.Private | ts.ModifierFlags.Protected;
  if ((ts.getCombinedModifierFlags(member) & hidden) !== 0) return false;
  return !ts.getJSDocTags(member).some(({ tagName }) => tagName.text === 'internal');
}

function typeSection(source: Source, { name, symbol, declaration }: Export): string {
  const { text } = source.said(symbol);
  const head = `### ${code(name)}\n\n${text === '' ? '' : `${text}\n\n`}`;
  const members = source.membersOf(symbol);
  const isShape = ts.isInterfaceDeclaration(declaration) || /^\w* ?=? ?(Omit|Pick|Partial|Required)</.test(rightOf(declaration));
  if (!isShape || members.length === 0) return `${head}${code(`type ${name} = ${rightOf(declaration)}`)}\n`;
  const rows = members.map((member) => {
    const said = source.said(member);
    const byDefault = said.byDefault === null ? '' : ` Default: ${said.byDefault}.`;
    return [code(member.name), code(source.typeOf(member)), `${said.text}${byDefault}`];
  });
  return `${head}${table(['field', 'type', ''], rows)}\n`;
}

const rightOf = (declaration: ts.Declaration): string =>
  ts.isTypeAliasDeclaration(declaration) ? line(declaration.type.getText()).replace(/^\| /, '') : '';

function spaced({ text, byDefault, throws }: Said): string {
  const all = [text, byDefault === null ? '' : `Default: ${byDefault}.`, ...throws.map((one) => `Throws: ${one}.`)];
  const said = all.filter((one) => one !== '').join(' ');
  return said === '' ? '' : `<br>${said.replaceAll('..', '.')}`;
}
