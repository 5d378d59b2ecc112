import ts from 'typescript';
import { code, DOORS, type Export, headOf, line, type Source, table } from './source.js';

/** What a caller gives. */
const OPTIONS = /(Options|Filters|Changes|Limit|Item)$/;

export const isOptions = ({ name, declaration }: Export): boolean =>
  OPTIONS.test(name) && (ts.isInterfaceDeclaration(declaration) || ts.isTypeAliasDeclaration(declaration));

/** docs/reference/options.md: every object of options, each option with its default. */
export function optionsPage(source: Source): string {
  const parts = [
    headOf('Options', 'Every option with its default. Times are in ms. A `–` has none: it must be given, or is left out.'),
  ];
  const told = new Set<ts.Symbol>();
  for (const [module, door] of DOORS) {
    const sections = source.exportsOf(door).filter(isOptions);
    if (sections.length === 0) continue;
    parts.push(`## ${code(module)}\n`);
    for (const one of sections) {
      for (const each of withParts(source, one)) {
        if (told.has(each.symbol)) continue;
        told.add(each.symbol);
        parts.push(section(source, each));
      }
    }
  }
  return parts.join('\n');
}

/** An object of options and those that its members are made of, which no door names. */
function withParts(source: Source, one: Export): Export[] {
  const parts: Export[] = [one];
  if (cutOf(one.declaration) !== null) return parts;
  const look = (node: ts.Node): void => {
    if (ts.isTypeReferenceNode(node)) {
      const found = source.checker.getSymbolAtLocation(node.typeName);
      const symbol = found && found.flags & ts.SymbolFlags.Alias ? source.checker.getAliasedSymbol(found) : found;
      const [declaration] = symbol?.declarations ?? [];
      const ours = declaration !== undefined && !declaration.getSourceFile().fileName.includes('node_modules');
      if (symbol !== undefined && ours && !parts.some((part) => part.symbol === symbol)) {
        const isPart = isOptions({ name: symbol.name, symbol, declaration });
        if (isPart) parts.push({ name: symbol.name, symbol, declaration });
        if (isPart || ts.isTypeAliasDeclaration(declaration)) ts.forEachChild(declaration, look);
      }
    }
    ts.forEachChild(node, look);
  };
  for (const member of source.membersOf(one.symbol)) for (const each of member.declarations ?? []) look(each);
  return parts;
}

/** The text of a type that is another object of options but for some of them, which has a section of its own. */
function cutOf(declaration: ts.Declaration): string | null {
  if (!ts.isTypeAliasDeclaration(declaration)) return null;
  const text = declaration.type.getText();
  return /^(Omit|Pick)</.test(text) ? line(text) : null;
}

function section(source: Source, { name, symbol, declaration }: Export): string {
  const said = source.said(symbol).text;
  const head = `### ${code(name)}\n\n${said === '' ? '' : `${said}\n\n`}`;
  const cut = cutOf(declaration);
  if (cut !== null) return `${head}${code(cut)}\n`;
  const rows = source.membersOf(symbol).map((member) => {
    const { text, byDefault } = source.said(member);
    return [code(member.name), code(source.typeOf(member)), byDefault ?? '–', text];
  });
  return `${head}${table(['option', 'type', 'default', ''], rows)}\n`;
}
