import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig, type DefaultTheme } from 'vitepress';

/** The site that `npm run docs` makes of docs/: the same pages, with a search. */

const docs = fileURLToPath(new URL('..', import.meta.url));
const source = 'https://github.com/nest-durable/nest-durable';

/** The sidebar is the index: its headings, and the links of the lists under them. */
function sidebar(): DefaultTheme.SidebarItem[] {
  const groups: { text: string; items: DefaultTheme.SidebarItem[] }[] = [];
  for (const line of readFileSync(join(docs, 'index.md'), 'utf8').split('\n')) {
    const heading = /^## (.*)$/.exec(line)?.[1];
    if (heading !== undefined) groups.push({ text: heading, items: [] });
    if (!line.startsWith('- ')) continue;
    for (const [, text = '', link = ''] of line.matchAll(/\[([^\]]*)\]\(([^)]*)\.md\)/g)) {
      if (!link.startsWith('..')) groups.at(-1)?.items.push({ text: text[0]?.toUpperCase() + text.slice(1), link: `/${link}` });
    }
  }
  return groups;
}

export default defineConfig({
  title: 'nest-durable',
  description: 'Durable workflows for NestJS on PostgreSQL',
  cleanUrls: true,
  themeConfig: {
    search: { provider: 'local' },
    sidebar: sidebar(),
    outline: [2, 3],
    socialLinks: [{ icon: 'github', link: source }],
    editLink: { pattern: `${source}/edit/main/docs/:path` },
  },
  markdown: {
    config(md) {
      // What a page links to in the repository outside docs/ is no page of the site.
      md.core.ruler.push('links-to-the-repository', ({ tokens, env }) => {
        for (const token of tokens.flatMap(({ children }) => children ?? [])) {
          const href = token.attrGet('href');
          if (href === null || !href.startsWith('.')) continue;
          const [path = '', anchor] = href.split('#');
          const target = relative(docs, join(docs, dirname((env as { relativePath: string }).relativePath), path));
          if (!target.startsWith('..')) continue;
          const kind = href.endsWith('/') ? 'tree' : 'blob';
          const suffix = anchor === undefined ? '' : `#${anchor}`;
          token.attrSet('href', `${source}/${kind}/main/${target.replace(/^(\.\.\/)+/, '')}${suffix}`);
        }
      });
    },
  },
});
