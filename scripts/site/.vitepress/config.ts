import { defineConfig } from 'vitepress';
import { sections } from './sections.ts';

const repository = 'https://github.com/vserve/vserve';

export default defineConfig({
  title: 'vserve',
  description: 'Serve a vision model from one machine, over the APIs of OpenAI, Anthropic and Ollama',
  lang: 'en',
  // scripts/docs-site.ts copies docs/ and index.md to there.
  srcDir: 'pages',
  outDir: 'dist',
  cacheDir: '.cache',
  // The address of GitHub Pages has the repository's name in it.
  base: process.env['SITE_BASE'] ?? '/',
  cleanUrls: true,
  // Where a server of the reader's own is.
  ignoreDeadLinks: 'localhostLinks',
  lastUpdated: false,
  // The home page is the only one without a place in the menu.
  themeConfig: {
    nav: [
      { text: 'Guide', link: '/image-to-text' },
      { text: 'Options', link: '/options' },
      { text: 'API', link: '/api' },
    ],
    sidebar: sections.map(({ title, pages }) => ({
      text: title,
      items: pages.map(([name, text]) => ({ text, link: `/${name}` })),
    })),
    socialLinks: [{ icon: 'github', link: repository }],
    search: { provider: 'local' },
    outline: [2, 3],
    editLink: { pattern: `${repository}/edit/main/docs/:path` },
    footer: { message: 'Apache-2.0' },
  },
});
