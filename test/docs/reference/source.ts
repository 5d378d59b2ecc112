import { join } from 'node:path';
import ts from 'typescript';
import { repository } from '../pages.js';

/** What can be imported, by the name of the module: the doors of the package. */
export const DOORS: readonly (readonly [module: string, file: string])[] = [
  ['nest-durable', 'lib/index.ts'],
  ['nest-durable/helpers', 'lib/helpers.ts'],
  ['nest-durable/testing', 'lib/testing/index.ts'],
  ['nest-durable/migrations', 'lib/migrations.ts'],
  ['nest-durable/dashboard', 'lib/dashboard/index.ts'],
];

/** One name that a door gives. */
export interface Export {
  readonly name: string;
  readonly symbol: ts.Symbol;
  readonly declaration: ts.Declaration;
}

/** What a docstring says, in Markdown. */
export interface Said {
  readonly text: string;
  /** What stands behind its last "Default: "; null: nothing does. */
  readonly byDefault: string | null;
  readonly throws: readonly string[];
}

/** The sources as the compiler sees them. */
export class Source {
  readonly checker: ts.TypeChecker;
  private readonly program: ts.Program;

  constructor() {
    const file = join(repository, 'tsconfig.json');
    const { options } = ts.parseJsonConfigFileContent(ts.readConfigFile(file, ts.sys.readFile).config, ts.sys, repository);
    this.program = ts.createProgram(DOORS.map(([, door]) => join(repository, door)), options);
    this.checker = this.program.getTypeChecker();
  }

  file(path: string): ts.SourceFile {
    const found = this.program.getSourceFile(join(repository, path));
    if (found === undefined) throw new Error(`there is no ${path}`);
    return found;
  }

  exportsOf(door: string): Export[] {
    const module = this.checker.getSymbolAtLocation(this.file(door));
    if (module === undefined) return [];
    return this.checker.getExportsOfModule(module).flatMap((one) => {
      const symbol = one.flags & ts.SymbolFlags.Alias ? this.checker.getAliasedSymbol(one) : one;
      const declaration = symbol.declarations?.[0];
      return declaration === undefined ? [] : [{ name: one.name, symbol, declaration }];
    });
  }

  said(symbol: ts.Symbol): Said {
    const text = prose(ts.displayPartsToString(symbol.getDocumentationComment(this.checker)));
    const throws = symbol
      .getJsDocTags(this.checker)
      .filter(({ name }) => name === 'throws')
      .map(({ text: parts }) => prose(ts.displayPartsToString(parts)));
    const at = text.lastIndexOf('Default: ');
    if (at < 0) return { text, byDefault: null, throws };
    return { text: text.slice(0, at).trim(), byDefault: text.slice(at + 'Default: '.length).replace(/\.$/, ''), throws };
  }

  /** The members that an object of this type has; internal ones are left out of the package's declarations. */
  membersOf(symbol: ts.Symbol): ts.Symbol[] {
    const members = this.checker.getPropertiesOfType(this.checker.getDeclaredTypeOfSymbol(symbol));
    const isPublic = (one: ts.Symbol): boolean => one.getJsDocTags(this.checker).every(({ name }) => name !== 'internal');
    return members.filter((one) => isOurs(one) && isPublic(one));
  }

  /** The type as its declaration says it; unions of a few words are spelled out. */
  typeOf(member: ts.Symbol): string {
    const { checker } = this;
    const declaration = member.valueDeclaration ?? member.declarations?.[0];
    if (declaration === undefined) return checker.typeToString(checker.getTypeOfSymbol(member));
    const type = checker.getNonNullableType(checker.getTypeOfSymbolAtLocation(member, declaration));
    const words = type.isUnion() && type.types.every((one) => one.isStringLiteral());
    if (words) return type.types.map((one) => `'${(one as ts.StringLiteralType).value}'`).join(' | ');
    const node = (declaration as ts.PropertyDeclaration).type;
    return line(node?.getText() ?? checker.typeToString(type));
  }
}

const isOurs = ({ name, declarations }: ts.Symbol): boolean =>
  !name.startsWith('__') && (declarations ?? []).some((one) => !one.getSourceFile().fileName.includes('node_modules'));

/** A declaration up to its body, on one line, without `export`, `async` and the like. */
export function signatureOf(node: ts.Node & { body?: ts.Node | undefined; name?: ts.Node | undefined }): string {
  const end = node.body?.getStart() ?? node.getEnd();
  return line(node.getSourceFile().text.slice(node.name?.getStart() ?? node.getStart(), end)).replace(/;$/, '');
}

/** On one line. */
export function line(text: string): string {
  return text.replaceAll(/\s+/g, ' ').replaceAll(/([<([]) (?=\S)|,? ([>)\]])/g, '$1$2').trim();
}

/** A docstring as a paragraph of Markdown that neither GitHub nor the site takes for HTML. */
export function prose(text: string): string {
  const one = text.replaceAll(/\{@link (\w+)\}/g, '`$1`').replaceAll(/\s+/g, ' ').trim();
  return one.replaceAll(/`[^`]*`|</g, (part) => (part === '<' ? '&lt;' : part));
}

/** A table of Markdown. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = (row: readonly string[]): string => `| ${row.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [cells(head), cells(head.map(() => '---')), ...rows.map(cells)].join('\n');
}

export const code = (text: string): string => (text === '' ? '' : `\`${text}\``);

/** The head of a page that is made. */
export function headOf(title: string, about: string): string {
  return `# ${title}\n\n<!-- Made of the sources by \`npm run docs:reference\`: edit those. -->\n\n${about}\n`;
}
