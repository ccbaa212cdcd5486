// The site: the Markdown files of the repository as they are, with a sidebar from docs/README.md and a search that runs in the
// browser. It loads nothing from elsewhere and has no inline script, so that the policy below holds.
import fs from 'node:fs'
import path from 'node:path'
import { createHash } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitepress'
import grammar from './caddyfile.js'
import { links, slug } from './links.js'
import { changed, forge, index, pages, root, sidebar } from './pages.js'

const here = fileURLToPath(import.meta.url)
const days = changed()
const base = process.env.SITE_BASE ?? '/'

// Code blocks have their colours in style attributes. All else is in files of the site.
export const policy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'"

const mark = fs.readFileSync(path.join(root, 'session/pages/asset/mark.svg'))

// looks are the pages with rules of their own in style.css.
const looks = { [index]: 'index', 'docs/caddyfile.md': 'long-lines' }

export default defineConfig({
	lang: 'en',
	title: 'Latchkey',
	description: 'Documentation of Latchkey, a session gateway built on Caddy.',
	base,
	srcDir: '..',
	srcExclude: fs.readdirSync(root, { withFileTypes: true }).filter((d) => d.isDirectory() && d.name !== 'docs').map((d) => d.name + '/**'),
	rewrites: Object.fromEntries(Object.entries(pages).filter(([from, to]) => from !== to)),
	ignoreDeadLinks: 'localhostLinks',
	metaChunk: true,
	head: [
		['meta', { 'http-equiv': 'Content-Security-Policy', content: policy }],
		['meta', { name: 'referrer', content: 'no-referrer' }],
		['link', { rel: 'icon', type: 'image/svg+xml', href: base + 'mark.svg' }]
	],
	markdown: {
		languages: [grammar],
		languageAlias: { sh: 'shellscript' },
		theme: { light: 'github-light-high-contrast', dark: 'github-dark-high-contrast' },
		anchor: { slugify: slug },
		toc: { slugify: slug },
		config: links
	},
	vite: {
		publicDir: false,
		// The pages lie outside of this folder, where node_modules is not found.
		plugins: [{
			name: 'vue-of-the-site',
			enforce: 'pre',
			resolveId(source, importer, options) {
				if (/^vue(\/|$)/.test(source) && importer?.startsWith(root + path.sep)) return this.resolve(source, here, { ...options, skipSelf: true })
			}
		}],
		build: { chunkSizeWarningLimit: 4096 }
	},
	themeConfig: {
		logo: { src: '/mark.svg', alt: '' },
		sidebar: sidebar(),
		nav: [
			{ text: 'First hour', link: '/first-hour' },
			{ text: 'Providers', link: '/providers' },
			{ text: 'Operating', link: '/operations' },
			{ text: 'Changes', link: '/changelog' }
		],
		outline: { level: [2, 3], label: 'On this page' },
		search: {
			provider: 'local',
			options: {
				detailedView: false,
				// A table of tests finds nothing that a reader looks for.
				_render: (source, env, md) => (env.relativePath.endsWith('rules.md') ? '' : md.render(source, env)),
				miniSearch: { searchOptions: { combineWith: 'AND', fuzzy: 0.15, prefix: true, boost: { title: 4, titles: 2, text: 1 } } }
			}
		},
		docFooter: { prev: 'Previous', next: 'Next' },
		externalLinkIcon: true,
		socialLinks: [{ icon: 'github', link: forge, ariaLabel: 'The source of Latchkey' }]
	},
	transformPageData(page) {
		const source = page.filePath.replace(/^\.\.\//, '')
		return { source, changed: days[source], frontmatter: { ...page.frontmatter, pageClass: looks[source], aside: source !== 'docs/caddyfile.md' } }
	},
	// A script in the page would need a policy that lets any through: each becomes a file.
	transformHtml(html, _, { siteConfig }) {
		return html.replace(/<script((?: id="[^"]*")?)>([^<]+)<\/script>/g, (_, id, text) => {
			const name = `assets/inline-${createHash('sha256').update(text).digest('hex').slice(0, 12)}.js`
			fs.mkdirSync(path.join(siteConfig.outDir, 'assets'), { recursive: true })
			fs.writeFileSync(path.join(siteConfig.outDir, name), text)
			return `<script${id} src="${base}${name}"></script>`
		})
	},
	buildEnd(siteConfig) {
		fs.writeFileSync(path.join(siteConfig.outDir, 'mark.svg'), mark)
	}
})
