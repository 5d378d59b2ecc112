import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative, sep } from 'node:path';
import ts from 'typescript';
import { root } from './install.mjs';

/**
 * The second half of `npm run build`: after `nest build` has checked the sources and made ES modules of them in dist/,
 * this makes CommonJS of the same sources in dist/cjs/, file by file. Declarations and files that are no code are those
 * of dist/. An `import()` becomes a `require`, which works where `import()` does not: in the CommonJS of Jest.
 */
const [lib, dist] = [join(root, 'lib'), join(root, 'dist')];
const cjs = join(dist, 'cjs');
const config = join(root, 'tsconfig.build.json');
const { options } = ts.getParsedCommandLineOfConfigFile(
  config,
  {},
  { ...ts.sys, onUnRecoverableConfigFileDiagnostic: fail },
);
const compilerOptions = { ...options, module: ts.ModuleKind.CommonJS, moduleResolution: undefined, declaration: false };

for (const file of filesOf(lib).filter(
  (name) => /(?<!\.d)\.ts$/.test(name) && !name.startsWith(join('dashboard', 'ui', sep)),
)) {
  const source = join(lib, file);
  const target = join(cjs, file.replace(/\.ts$/, '.js'));
  const { outputText, sourceMapText } = ts.transpileModule(readFileSync(source, 'utf8'), {
    fileName: source,
    compilerOptions,
    transformers: { before: [withoutImportMeta] },
  });
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, outputText);
  const map = { ...JSON.parse(sourceMapText), sources: [relative(dirname(target), source)] };
  writeFileSync(`${target}.map`, JSON.stringify({ ...map, file: basename(target) }));
}
for (const file of filesOf(dist).filter(
  (name) => !/(\.js|\.map|\.tsbuildinfo)$/.test(name) && !name.startsWith('cjs'),
)) {
  cpSync(join(dist, file), join(cjs, file));
}
writeFileSync(join(cjs, 'package.json'), '{ "type": "commonjs" }\n');

/** CommonJS has no `import.meta`; what it has of the same meaning takes its place. */
function withoutImportMeta(context) {
  const { factory } = context;
  const code = {
    url: () =>
      factory.createPropertyAccessExpression(
        factory.createCallExpression(
          factory.createPropertyAccessExpression(
            factory.createCallExpression(factory.createIdentifier('require'), undefined, [
              factory.createStringLiteral('node:url'),
            ]),
            'pathToFileURL',
          ),
          undefined,
          [factory.createIdentifier('__filename')],
        ),
        'href',
      ),
    filename: () => factory.createIdentifier('__filename'),
    dirname: () => factory.createIdentifier('__dirname'),
  };
  const visit = (node) => {
    if (ts.isPropertyAccessExpression(node) && ts.isMetaProperty(node.expression) && node.name.text in code) {
      return code[node.name.text]();
    }
    if (ts.isMetaProperty(node) && node.keywordToken === ts.SyntaxKind.ImportKeyword) {
      throw new Error(
        `${node.getSourceFile().fileName}: of import.meta only url, filename and dirname have a CommonJS form`,
      );
    }
    return ts.visitEachChild(node, visit, context);
  };
  return (file) => ts.visitNode(file, visit);
}

function filesOf(folder) {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => relative(folder, join(entry.parentPath, entry.name)));
}

function fail(diagnostic) {
  throw new Error(ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n'));
}
